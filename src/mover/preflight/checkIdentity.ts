import { operationBudget } from '../../plc/operationBudget.ts'
import { type Check, fail, pass, warn } from '../check.ts'
import type { Who } from '../who.ts'
import type { PreflightSource } from './preflightTypes.ts'

/** Operations that a move may need: a recovery key, the rotation, one that voids, one that takes it back. */
const NEEDED_OPERATIONS = 4

const count = (n: number, noun: string): string => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`

/** Whether the DID names the source. */
export const checkPlace = ({ did, pds }: Who, { origin }: Pick<PreflightSource, 'origin'>): Check =>
  pds === origin
    ? pass('identity', `${did} names ${origin}`)
    : fail(
        'identity',
        `${did} names ${pds ?? 'no PDS'}, not ${origin}`,
        pds === undefined ? 'ask its server what became of the account' : `move from there: --from ${pds}`,
      )

/** Whether the source can sign the operation, as far as it says which keys are its own. */
const checkRotationKey = (keys: readonly string[], named: readonly string[] | undefined): Check[] => {
  if (named === undefined) return []
  return keys.some((key) => named.includes(key))
    ? [
        pass(
          'rotation-key',
          'a rotation key of the old server is among those of the DID, so it can sign the operation',
        ),
      ]
    : [
        fail(
          'rotation-key',
          'none of the rotation keys that the old server calls its own is among those of the DID, so it cannot sign the operation',
          'sign it with a rotation key of your own: `pds move --from-backup`',
        ),
      ]
}

/** Whether the owner can take the move back. Keys that stand above the source's and are not known are shown. */
const checkRecoveryKey = (
  keys: readonly string[],
  {
    did,
    ownerKeys,
    named = [],
  }: { did: string; ownerKeys: readonly string[]; named?: readonly string[] | undefined },
): Check => {
  const place = keys.findIndex((key) => named.includes(key))
  const above = place < 0 ? keys : keys.slice(0, place)
  if (above.some((key) => ownerKeys.includes(key)))
    return pass(
      'recovery-key',
      'a recovery key of yours is among the first: for 72 hours a move can be taken back',
    )
  const unknown = keys.filter((key) => !named.includes(key) && !ownerKeys.includes(key))
  if (place > 0)
    return warn(
      'recovery-key',
      `above the server’s key there is ${above.join(', ')}: if that is your recovery key, a move can be taken back for 72 hours`,
      `compare it with the one that \`pds recovery-key create\` printed; if it is not yours, put a key of your own first: \`pds recovery-key add <file> --identifier ${did}\``,
    )
  return warn(
    'recovery-key',
    unknown.length === 0
      ? 'the DID has no rotation key but the server’s: a move cannot be taken back'
      : `whose these rotation keys are is not known, the highest first: ${unknown.join(', ')}`,
    `make a recovery key before the move, and put it first: \`pds recovery-key create <file>\`, then \`pds recovery-key add <file> --identifier ${did}\``,
  )
}

/** Whether the directory still takes operations of this DID. */
const checkOperations = (entries: Parameters<typeof operationBudget>[0], now: number): Check => {
  const { left, per, freeAt } = operationBudget(entries, now)
  const seen = `the PLC directory takes ${count(left, 'more operation')} of this DID in this ${per}`
  if (left === 0) return fail('operations', seen, `wait until ${new Date(freeAt ?? now).toISOString()}`)
  return left < NEEDED_OPERATIONS
    ? warn('operations', seen, 'a move that needs to be taken back may have to wait: begin later, if you can')
    : pass('operations', seen)
}

/** What the verified log says, for a source that does not answer these questions itself. */
export const checkIdentity = (
  who: Who,
  source: Pick<PreflightSource, 'origin' | 'namedKeys'>,
  { ownerKeys, now }: { ownerKeys: readonly string[]; now: number },
): Check[] => {
  const { head, log, did } = who
  const place = checkPlace(who, source)
  if (!head || !log)
    return [
      place,
      warn(
        'recovery-key',
        `the identity is the file did.json of ${did}: no key can take a move back, and the domain must be kept`,
        'see `pds did-web-move`',
      ),
    ]
  const keys = head.data.rotationKeys
  return [
    place,
    ...checkRotationKey(keys, source.namedKeys),
    checkRecoveryKey(keys, { did, ownerKeys, named: source.namedKeys }),
    checkOperations(log.entries, now),
  ]
}
