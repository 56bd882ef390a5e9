/** Exit codes, for scripts. */
export const EXIT = {
  ok: 0,
  /** The command failed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The command worked, and found problems. */
  problems: 3,
  /** A confirmation or an answer is missing: there is no terminal to ask, or the user declined. */
  needsInput: 4,
  /** The command failed for now: the same command may work later. */
  retry: 5,
  interrupted: 130,
} as const

export type ExitName = keyof typeof EXIT
