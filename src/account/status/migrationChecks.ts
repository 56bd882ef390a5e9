import type { Check } from '../../generated/types/com/cirrus/admin/checkMigration.ts'
import { operationBudget } from '../../plc/operationBudget.ts'
import type { State } from '../../policy.ts'
import type { Observation } from '../identity/observeDid.ts'
import type { Unsubmitted } from '../plc/unsubmitted.ts'
import { didJsonHost } from './didJsonHost.ts'

export const pass = (id: string, seen: string): Check => ({ id, level: 'pass', seen })
export const warn = (id: string, seen: string, mend: string): Check => ({ id, level: 'warn', seen, mend })
export const fail = (id: string, seen: string, mend: string): Check => ({ id, level: 'fail', seen, mend })

/** Operations that a move may need: a recovery key, the rotation, one that voids, one that takes it back. */
const NEEDED_OPERATIONS = 4

/** What the checks are made from. */
export interface MigrationSituation {
  did: string
  origin: string
  state: State
  now: number
  /** What the network says, or why it could not be asked. */
  observed: Observation | Error
  /** The DID names this server. */
  here: boolean
  /** did:key of the keys of this server, and of the owner's recovery keys (RECOVERY_KEYS). */
  signingKey: string
  rotationKey: string
  recoveryKeys: readonly string[]
  /** A new signing key waits. */
  keyChange: boolean
  importing: boolean
  blobs: { expected: number; stored: number }
  unsubmitted: readonly Unsubmitted[]
}

export const count = (n: number, noun: string): string =>
  `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`

const checkState = ({ state }: MigrationSituation): Check => {
  if (state === 'active') return pass('state', 'the account is active here')
  if (state === 'deactivated')
    return warn(
      'state',
      'the account is deactivated here: the public sees nothing of it',
      'go on with the move that was begun, or `pds activate`',
    )
  return fail('state', 'the account has moved: it takes no writes here', 'look at `pds status`')
}

const checkIdentity = ({ did, origin, here }: MigrationSituation, { pds, head }: Observation): Check => {
  if (head && !head.data)
    return fail('identity', `${did} has been tombstoned`, 'nothing: the DID can never be used again')
  return here
    ? pass('identity', `the DID names this server (${pds ?? origin})`)
    : fail(
        'identity',
        `the DID names ${pds ?? 'no PDS'}, not this server`,
        'move from the server that it names',
      )
}

const checkSigningKey = ({ signingKey: ours }: MigrationSituation, { signingKey }: Observation): Check =>
  signingKey === ours
    ? pass('signing-key', 'the DID names the key that this server signs with')
    : fail(
        'signing-key',
        `the DID names the signing key ${signingKey ?? '(none)'}, and this server signs with ${ours}: no other server would take the repository or a token`,
        'look at `pds status`: give this server that key (SIGNING_KEY), or have the DID name its own',
      )

const checkRotationKey = ({ rotationKey }: MigrationSituation, keys: readonly string[]): Check =>
  keys.includes(rotationKey)
    ? pass(
        'rotation-key',
        'this server’s rotation key is among those of the DID, so it can sign the operation',
      )
    : fail(
        'rotation-key',
        `this server’s rotation key ${rotationKey} is not among those of the DID, so it cannot sign the operation`,
        'set ROTATION_KEY to one of the DID’s rotation keys, or have one of them sign an operation that adds this one',
      )

const checkRecoveryKey = (
  { rotationKey, recoveryKeys }: MigrationSituation,
  keys: readonly string[],
): Check => {
  const ourPlace = keys.indexOf(rotationKey)
  const above = ourPlace < 0 ? keys : keys.slice(0, ourPlace)
  if (above.some((key) => recoveryKeys.includes(key)))
    return pass(
      'recovery-key',
      'a recovery key of yours is above this server’s: for 72 hours a move can be taken back',
    )
  if (above.length > 0)
    return warn(
      'recovery-key',
      `${above.join(', ')} ${above.length === 1 ? 'stands' : 'stand'} above this server’s key, and this server is not told whose ${above.length === 1 ? 'it is' : 'they are'}`,
      'if you hold it, a move can be taken back, and RECOVERY_KEYS should have it; if you do not, its holder can take the DID: `pds recovery-key add`',
    )
  return warn(
    'recovery-key',
    'no key is above this server’s: a move cannot be taken back',
    '`pds recovery-key create`, then `pds recovery-key add`, before the move',
  )
}

const checkOperations = ({ now }: MigrationSituation, { operations = [] }: Observation): Check => {
  const { left, per, freeAt } = operationBudget(operations, now)
  const seen = `the PLC directory takes ${count(left, 'more operation')} of this DID in this ${per}`
  if (left === 0) return fail('operations', seen, `wait until ${new Date(freeAt ?? now).toISOString()}`)
  return left < NEEDED_OPERATIONS
    ? warn('operations', seen, 'a move that needs to be taken back may have to wait: begin later, if you can')
    : pass('operations', seen)
}

const checkUnsubmitted = ({ unsubmitted }: MigrationSituation): Check =>
  unsubmitted.length === 0
    ? pass('unsubmitted', 'no signed operation waits to be submitted')
    : warn(
        'unsubmitted',
        `signed here, not submitted, and valid: ${unsubmitted.map(({ cid, pds }) => `${cid} (to ${pds ?? 'no PDS'})`).join(', ')}`,
        'finish that move, or make it worthless: `pds identity --void`',
      )

const checkIdentityAndKeys = (situation: MigrationSituation): Check[] => {
  const { observed, did } = situation
  if (observed instanceof Error)
    return [fail('identity', `the DID could not be looked up: ${observed.message}`, 'try again in a minute')]
  const checks = [checkIdentity(situation, observed), checkSigningKey(situation, observed)]
  const host = didJsonHost(did)
  if (host !== undefined)
    return [
      ...checks,
      warn(
        'recovery-key',
        `the identity is the file did.json on ${host}: no key can take a move back, and the domain must be kept`,
        'see `pds did-web-move`',
      ),
    ]
  const keys = observed.head?.data?.rotationKeys ?? []
  return [
    ...checks,
    checkRotationKey(situation, keys),
    checkRecoveryKey(situation, keys),
    checkOperations(situation, observed),
    checkUnsubmitted(situation),
  ]
}

/** What can be said of the account without reading its blocks and blobs. */
export const migrationChecks = (situation: MigrationSituation): Check[] => {
  const { blobs, keyChange, importing } = situation
  const missing = blobs.expected - blobs.stored
  return [
    checkState(situation),
    ...checkIdentityAndKeys(situation),
    ...(keyChange
      ? [fail('key-change', 'a change of the signing key is under way', 'finish it first: `pds rotate-key`')]
      : []),
    importing
      ? fail('import', 'a repository is being imported', 'wait until that has ended')
      : pass('import', 'no import is running'),
    missing === 0
      ? pass('blobs-stored', `${count(blobs.stored, 'blob')}, all that records refer to`)
      : warn(
          'blobs-stored',
          `${count(missing, 'blob')} of ${blobs.expected.toLocaleString('en-US')} that records refer to ${missing === 1 ? 'is' : 'are'} not stored here, so a move cannot bring ${missing === 1 ? 'it' : 'them'} along`,
          'fetch what the old server or a backup still has: `pds import --from <old host>`, `pds restore <dir>`',
        ),
  ]
}
