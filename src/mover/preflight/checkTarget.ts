import { type Check, fail, pass, warn } from '../check.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { MoverError } from '../moverError.ts'
import { handleObstacle } from '../identity/handleObstacle.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Contents, PreflightOptions, PreflightTarget } from './preflightTypes.ts'
import { sizeText } from './sizeText.ts'

/** The reference's default for a blob, which is the least that PDSes are known to take. */
const USUAL_BLOB_BYTES = 5 * 1024 * 1024

const checkDid = ({ origin, description }: PreflightTarget, mover: string): Check => {
  const { did, isOwnDid = true, account } = description
  if (account && account.did !== mover)
    return fail(
      'target',
      `${origin} is set up for ${account.handle} (${account.did}), and ${mover} is to move`,
      `set it up for this account: \`pds init --did ${mover}\``,
    )
  return isOwnDid
    ? pass('target', `${origin} answers, and is ${did}`)
    : warn(
        'target',
        `${origin} says that it is ${did}, which nothing proves`,
        'ask its operator whether that is its service DID',
      )
}

const checkInvite = ({ origin, description }: PreflightTarget): Check =>
  description.inviteCodeRequired
    ? warn('invite', `${origin} takes new accounts with an invite code only`, 'ask its operator for one')
    : pass('invite', 'no invite code is needed')

/** What a server tells anyone about an account. One that it hides, such as a suspended one, cannot be known of. */
const checkAccount = async ({ state, origin }: PreflightTarget, did: string): Promise<Check> => {
  try {
    const found = await state(did)
    if (found === 'absent') return pass('account', `${origin} shows no account of this DID`)
    return found === 'inactive'
      ? warn(
          'account',
          `${origin} has an account of this DID already, not active`,
          'if an earlier move of yours made it, the move goes on with it, and asks for its password; if not, ask the operator',
        )
      : warn(
          'account',
          `${origin} has an active account of this DID, which the DID does not name`,
          'find out whose it is before you move: `pds move` asks before it is deactivated',
        )
  } catch (cause) {
    if (!(cause instanceof MoverError)) throw cause
    return warn(
      'account',
      `whether ${origin} has the account already cannot be known without signing in: ${cause.message}`,
      'nothing: createAccount shows it',
    )
  }
}

const checkHandle = async (
  deps: MoverDeps,
  { who, source, handle: wanted }: PreflightOptions,
  target: PreflightTarget,
): Promise<Check> => {
  const handle = wanted ?? target.ownHandle ?? who.handle
  if (handle === undefined)
    return warn('handle', `${who.did} names no handle`, 'choose one for the new server: --handle')
  if (target.ownHandle === handle)
    return pass('handle', `${handle} is the one that ${target.origin} is set up for`)
  const why = await handleObstacle(
    { target, who, source: { name: source.origin }, sourceDomains: async () => source.domains ?? [], deps },
    handle,
  )
  return why === undefined
    ? pass('handle', `${handle} can be the account’s on ${target.origin}`)
    : warn(
        'handle',
        why,
        `choose another one (--handle), such as one below ${target.description.availableUserDomains.join(', ') || 'a domain of yours'}`,
      )
}

/** What is too large for a request, a Cirrus fetches itself where its admin may tell it to, and else gets in parts. */
const checkSize = ({ kind, origin, pull }: PreflightTarget, { repoBytes }: Contents): Check[] =>
  kind !== 'cirrus' || repoBytes === undefined || repoBytes <= REQUEST_LIMIT_BYTES
    ? []
    : [
        pass(
          'repository-size',
          `the repository has ${sizeText(repoBytes)}; ${origin} takes 100 MB in a request, and ${pull ? 'fetches it itself' : 'gets it in parts'}`,
        ),
      ]

const checkLargestBlob = ({ kind, origin }: PreflightTarget, { largestBlob }: Contents): Check[] => {
  if (!largestBlob) return []
  const { size, cid } = largestBlob
  if (kind === 'cirrus')
    return size <= REQUEST_LIMIT_BYTES
      ? [pass('largest-blob', `the largest blob has ${sizeText(size)}; ${origin} takes 100 MB`)]
      : [
          fail(
            'largest-blob',
            `the blob ${cid} has ${sizeText(size)}, and ${origin} takes 100 MB`,
            'it would be left behind: delete the record, or keep the account where it is',
          ),
        ]
  return size <= USUAL_BLOB_BYTES
    ? [pass('largest-blob', `the largest blob has ${sizeText(size)}, which PDSes usually take`)]
    : [
        warn(
          'largest-blob',
          `the blob ${cid} has ${sizeText(size)}, and ${origin} does not say what it takes: the least that is known is 5 MB`,
          'ask its operator for the limit (PDS_BLOB_UPLOAD_LIMIT at the reference)',
        ),
      ]
}

/** What can be known of the target without an account there. */
export const checkTarget = async (
  deps: MoverDeps,
  options: PreflightOptions,
  { target, contents }: { target: PreflightTarget; contents: Contents },
): Promise<Check[]> => {
  if (target.origin === options.source.origin)
    return [fail('target', `${target.origin} is the server that the account is on`, 'name another one: --to')]
  const [account, handle] = await Promise.all([
    checkAccount(target, options.who.did),
    checkHandle(deps, options, target),
  ])
  return [
    checkDid(target, options.who.did),
    checkInvite(target),
    account,
    handle,
    ...checkSize(target, contents),
    ...checkLargestBlob(target, contents),
  ]
}
