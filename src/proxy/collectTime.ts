/** For so long a body is waited for that is read here before it is passed on, however steadily it drips. */
export const COLLECT_MS = 20_000
