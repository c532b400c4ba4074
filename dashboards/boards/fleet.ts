import { failed, jobs, quantileBy, rateBy, type Board } from "../board.ts";

const requests = "http_server_request_duration_seconds";
const shop = `job=~"$job",route!~"/live|/ready|/metrics"`;

export const fleet: Board = {
  uid: "squall-fleet",
  title: "Fleet at a glance",
  description: "Which service is unwell, and what it means for orders.",
  variables: [jobs],
  panels: [
    {
      title: "Which service is down?",
      description:
        "Share of a service's copies that Prometheus reaches. A service without any is on no other panel: it fails nothing.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [{ expr: 'avg by (job) (up{job=~"$job"})', legend: "{{job}}" }],
      threshold: { value: 1, badIs: "below" },
    },
    {
      title: "Are orders confirmed?",
      description:
        "Orders by what became of them. Placed and not confirmed for long: look at payment and catalog.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [{ expr: rateBy("change", "order_orders_total"), legend: "{{change}}" }],
    },
    {
      title: "Which service fails?",
      description: "Share of requests that a service answered with a fault, or whose client left before.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [
        {
          expr: `${rateBy("job", `${requests}_count{${shop},${failed}}`)} / ${rateBy("job", `${requests}_count{${shop}}`)}`,
          legend: "{{job}}",
        },
      ],
      threshold: { value: 0.01, badIs: "above" },
    },
    {
      title: "Which service is slow?",
      description: "95 of 100 requests are answered within this. A point leads to the trace of a request.",
      kind: "lines",
      unit: "s",
      width: 12,
      queries: [
        {
          expr: quantileBy("job", 0.95, `${requests}_bucket{${shop}}`),
          legend: "{{job}}",
          hasExemplars: true,
        },
      ],
      threshold: { value: 1.5, badIs: "above" },
    },
    {
      title: "How much is asked of each service?",
      description: "Requests a second, those of health and metrics aside.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [{ expr: rateBy("job", `${requests}_count{${shop}}`), legend: "{{job}}" }],
    },
    {
      title: "Is anybody owed news of orders?",
      description: "Age of the oldest event that a subscriber of the outbox has not taken.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        { expr: "max by (subscriber) (outbox_oldest_undelivered_seconds)", legend: "{{subscriber}}" },
      ],
      threshold: { value: 10, badIs: "above" },
    },
    {
      title: "Do messages reach customers?",
      description: "Messages that wait to be sent, by channel.",
      kind: "lines",
      unit: "short",
      width: 8,
      queries: [{ expr: "max by (channel) (notification_unsent)", legend: "{{channel}}" }],
    },
    {
      title: "Which gateway takes the money?",
      description: "Payments by gateway and outcome. Gateway B at work means that gateway A is not.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [
        { expr: rateBy("gateway, outcome", "payment_payments_total"), legend: "{{gateway}} {{outcome}}" },
      ],
    },
  ],
};
