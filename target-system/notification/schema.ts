/**
 * notification-db: which events came in, what is to be sent or was because of them, and what was given up.
 *
 *   due ─claim─▶ due, leased ─▶ sent | skipped | dead ─replay─▶ due
 *
 * `due_at` is the moment of the next try, and a lease while one is under way. `claims` counts leases for ever: who wants
 * to write down how a try ended says which one it was. `attempts` counts tries since the message was last made due.
 */
export const schema = `
create table if not exists inbox (event_id text primary key, received_at timestamptz not null default now());

create table if not exists messages (
  event_id text not null references inbox,
  channel text not null check (channel in ('email', 'sms')),
  order_id text not null,
  user_id text not null,
  total_cents int,
  status text not null default 'due' constraint messages_status check (status in ('due', 'sent', 'skipped', 'dead')),
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  traceparent text,
  baggage text,
  created_at timestamptz not null default now(),
  primary key (event_id, channel)
);
create index if not exists messages_due on messages (channel, due_at) where status = 'due';

alter table messages alter column total_cents drop not null;
alter table messages add column if not exists type text not null default 'order.confirmed';
alter table messages add column if not exists sequence int not null default 1;
alter table messages add column if not exists items jsonb not null default '[]';
alter table messages add column if not exists reason text;
alter table messages add column if not exists claims bigint not null default 0;
alter table messages add column if not exists unsent_since timestamptz not null default now();
alter table messages add column if not exists settled_at timestamptz;
create index if not exists messages_due_of_order on messages (order_id, channel, sequence) where status = 'due';
create index if not exists messages_unsent on messages (channel, unsent_since) where status = 'due';
create index if not exists inbox_by_age on inbox (received_at);

-- One for each time that a message was given up; replayed ones stay, to be read of.
create table if not exists dead_letters (
  id uuid primary key default gen_random_uuid(),
  event_id text not null,
  channel text not null,
  why text not null,
  attempts int not null,
  died_at timestamptz not null default now(),
  replayed_at timestamptz,
  foreign key (event_id, channel) references messages on delete cascade
);
create index if not exists dead_letters_open on dead_letters (died_at desc, id) where replayed_at is null;
create index if not exists dead_letters_of_message on dead_letters (event_id, channel);

-- What was "refused" before there were dead letters is one.
do $$ begin
  if exists (select from pg_constraint where conname = 'messages_status_check' and conrelid = 'messages'::regclass) then
    alter table messages drop constraint messages_status_check;
    insert into dead_letters (event_id, channel, why, attempts)
      select event_id, channel, 'refused', attempts from messages where status = 'refused';
    update messages set status = 'dead', settled_at = now() where status = 'refused';
    update messages set settled_at = now() where status in ('sent', 'skipped');
    alter table messages add constraint messages_status check (status in ('due', 'sent', 'skipped', 'dead'));
  end if;
end $$;
`;
