import type { Client } from '../../client/index.ts'
import { VERSION } from '../../version.ts'
import { CliError } from '../errors.ts'
import { type Check, fail, ok, warn } from './check.ts'
import { getReach, getStatus, type Reach, stateOf, type Status } from './status.ts'

/** What the server itself says, to its admin. */
export async function checkAccount(server: Client, origin: string): Promise<Check[]> {
  const reach = getReach(server)
  try {
    const status = await getStatus(server)
    return [
      ok('Configuration', 'complete, and the admin password is right'),
      ...versionCheck(status),
      accountCheck(status),
      identityCheck(status, origin),
      ...recoveryCheck(status),
      ...warningChecks(status),
      ...backupChecks(status),
      ...reachChecks(await reach),
    ]
  } catch (cause) {
    if (!(cause instanceof CliError)) throw cause
    // The server names what is missing: a var or a secret.
    return [fail('Configuration', cause.message, cause.next)]
  }
}

const versionCheck = ({ versions }: Status): Check[] =>
  versions?.program === VERSION
    ? []
    : [
        warn(
          'Version',
          `the server runs ${versions?.program ?? 'an earlier version'}, and this pds is ${VERSION}`,
          'deploy again: `npx pds upgrade && npx wrangler deploy`',
        ),
      ]

/** The one next command of the status, without what comes before it. */
const nextOf = ({ next }: Status): string => next.split('Next: ').at(-1) ?? next

const accountCheck = (status: Status): Check => {
  const state = stateOf(status)
  const { stored, expected } = status.blobs
  if (state !== 'active') return warn('Account', state, nextOf(status))
  if (stored < expected)
    return warn('Account', `active; ${expected - stored} of its blobs are missing`, nextOf(status))
  return ok(
    'Account',
    `active, ${status.repo.records.toLocaleString('en-US')} record${status.repo.records === 1 ? '' : 's'}`,
  )
}

const identityCheck = (status: Status, origin: string): Check => {
  const { identity, did } = status
  if (identity.error !== undefined)
    return warn('DID', `it could not be looked up: ${identity.error}`, 'run `pds doctor` again in a minute')
  if (identity.movedAway)
    return fail('DID', `${did} names ${identity.pds ?? 'no PDS'}, not ${origin}`, nextOf(status))
  return ok('DID', `${did} names this server`)
}

const recoveryCheck = ({ identity }: Status): Check[] =>
  identity.recoverable === false
    ? [
        warn(
          'Recovery key',
          'there is none above this server’s key',
          'add one: without it, who has this server’s key has the DID for ever',
        ),
      ]
    : []

const warningChecks = ({ warnings = [] }: Status): Check[] =>
  warnings.map(({ name, message }) =>
    name === 'handle-unused'
      ? warn('HANDLE', message, 'one of the two, and deploy')
      : warn('Limits', message, 'docs/limits.md says what happens there'),
  )

/** The backups that the server makes of itself. */
const backupChecks = ({ backup }: Status): Check[] => {
  if (!backup) return []
  const { lastAt, failedAt, error } = backup
  if (failedAt)
    return [
      fail(
        'Backup',
        `the last one failed ${failedAt}: ${error ?? ''}; the last that was made: ${lastAt ?? 'none'}`,
        'it is tried again every hour; meanwhile `pds backup <dir>`',
      ),
    ]
  if (lastAt === undefined)
    return [warn('Backup', 'none was made yet', 'it is made within minutes; run `pds doctor` again later')]
  return [ok('Backup', `made ${lastAt}`)]
}

const reachChecks = (reach: Reach | undefined): Check[] => {
  if (!reach) return [warn('Network', 'the server could not be asked', 'run `pds doctor` again')]
  const { bucketError, relays, appView } = reach
  return [
    bucketError === undefined
      ? ok('Bucket', 'readable')
      : fail(
          'Bucket',
          bucketError,
          'create it (`npx wrangler r2 bucket create …`), and check r2_buckets in wrangler.toml',
        ),
    ...relays.map(relayCheck),
    ...(appView ? [appViewCheck(appView)] : []),
  ]
}

const relayCheck = ({ relay, status, error }: Reach['relays'][number]): Check => {
  if (status === 'active' || status === 'idle') return ok('Relay', `${relay} follows`)
  if (status === undefined)
    return warn('Relay', `${relay}: ${error ?? 'it does not say'}`, 'run `pds watch` to see who follows')
  return warn('Relay', `${relay}: ${status}`, 'run `pds request-crawl`')
}

const appViewCheck = ({ url, known, handle, behindMs = 0, error }: NonNullable<Reach['appView']>): Check => {
  if (known === undefined) return warn('AppView', `${url}: ${error ?? ''}`, 'run `pds doctor` again later')
  if (!known)
    return warn(
      'AppView',
      `${url} does not know the account`,
      'see that a relay follows, then write something',
    )
  if (handle === 'handle.invalid')
    return warn('AppView', `${url} could not verify the handle`, 'mend the handle, then `pds emit-identity`')
  if (behindMs > 10 * 60_000)
    return warn(
      'AppView',
      `${url} is ${Math.round(behindMs / 60_000)} minutes behind`,
      'see that a relay follows',
    )
  return ok('AppView', `${url} knows the account`)
}
