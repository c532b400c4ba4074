/** notification-db: which events came in, and what is to be sent, or was, because of them. */
export const schema = `
create table if not exists inbox (event_id text primary key, received_at timestamptz not null default now());

create table if not exists messages (
  event_id text not null references inbox,
  channel text not null check (channel in ('email', 'sms')),
  order_id text not null,
  user_id text not null,
  total_cents int not null,
  status text not null default 'due' check (status in ('due', 'sent', 'skipped', 'refused')),
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  traceparent text,
  baggage text,
  created_at timestamptz not null default now(),
  primary key (event_id, channel)
);
create index if not exists messages_due on messages (channel, due_at) where status = 'due';
`;
