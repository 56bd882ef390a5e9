/** Rules without a fault in the lists. */
export interface Exception {
  readonly rules: RegExp
  readonly reason: string
}

/** Each of these is a gap: the list may become shorter, and nothing else. */
export const NO_FAULT: readonly Exception[] = [
  {
    rules: /^target\./,
    reason:
      'a Cirrus makes no account but the one that it is set up for: test/mover/rehearseTarget plants the faults into servers in memory that make any',
  },
  {
    rules: /^firehose\.(slow-reader|held-up)$/,
    reason: 'workerd cannot pause a socket: test/contract/flow/slowReader.test.ts judges what came',
  },
  {
    rules: /^repo\.(listed-by-collection|host-status)$/,
    reason: 'methods of relays, which a Cirrus does not serve: test/contract/repository has their faults',
  },
]
