/** Every waiting time of a run, in milliseconds. What the local platform waits for is in fixtures/platform/budgets.ts. */
export const BUDGETS = {
  /** TCP, TLS and the first protocol exchange with one endpoint. */
  connect: 3_000,
  /** The answer to one request inside a check: a service that stands still costs a run no more than this and a door. */
  answer: 5_000,
  /** One request to a service that answered before. */
  attempt: 10_000,
  /** One check with all its attempts, where it declares none of its own. */
  check: 20_000,
  /** A silent door, once the cluster shows that no pod behind it is ready. */
  unready: 1_000,
  /** All doors together: they are knocked at concurrently. */
  preflight: 7_000,
  /** Removing the scratch of one component. */
  sweep: 20_000,
  /** Between two looks at something that is to become true. */
  poll: 50,
  /** Between two whole preflights while a platform settles. */
  settle: 1_000,
  /** After Ctrl-C: bodies in flight get this long to come to an end before they are cut. */
  cancel: 1_500,
  /** Closing clients and workers at the end of a run. */
  close: 1_500,
  /** A stall of our own event loop as long as this makes a deadline our fault. */
  stall: 1_000,
} as const;
