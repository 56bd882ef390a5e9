import { isObject } from '../../isObject.ts'
import { VERSION } from '../../version.ts'
import { command } from '../command.ts'
import { retentionText } from '../servers/retention.ts'
import { bytes, count, type Paint, table } from '../terminal/output.ts'
import {
  getPull,
  getReach,
  getStatus,
  type Pull,
  type Reach,
  stateOf,
  type Status,
  unsubmittedText,
} from '../servers/status.ts'

const STATES: Record<string, string> = {
  absent: 'no account here yet',
  active: 'active',
  deactivated: 'deactivated: no writes; the owner and a migration token can still read everything',
  deleted: 'deleted, for ever; what it had is erased',
  moved: 'moved: the DID names another PDS, but the account is still active here',
}

const keyRows = (keys: readonly string[]): string => keys.map((key, n) => `${n + 1}. ${key}`).join('\n')

const identityText = ({ identity }: Status): string =>
  [
    identity.error ? `the network could not be asked: ${identity.error}` : '',
    identity.pds ? `PDS ${identity.pds}${identity.movedAway ? ' (not this server)' : ' (this server)'}` : '',
    identity.signingKey ? `signing key ${identity.signingKey}` : '',
    identity.rotationKeys.length > 0
      ? `rotation keys, the highest first\n${keyRows(identity.rotationKeys)}`
      : '',
    identity.head ? `head ${identity.head}` : '',
    identity.recoverable === false ? 'no recovery key of yours above this server’s key' : '',
  ]
    .filter(Boolean)
    .join('\n')

const importText = ({ importing }: Status): string => {
  if (!importing) return ''
  const { phase, bytes: received, blocks, records } = importing
  const verified = phase === 'receiving' ? '' : `, ${count(records, 'record')} verified`
  return `running, ${phase}: ${bytes(received)} and ${count(blocks, 'block')} received${verified}`
}

const PULL_PHASES: Record<string, string> = {
  tokenNeeded: 'needs another token: run the import again',
  failed: 'failed, and the repository is as it was before',
}

const UPLOAD_PHASES: Record<string, string> = {
  receiving: 'waits for the next part: run the command that sends it again, if it does not run',
}

const pullText = ({ source, phase, received, size, message }: Pull): string => {
  const isUpload = source.startsWith('sha256:')
  const what = isUpload ? 'receiving the repository in parts' : `fetching the repository from ${source}`
  const how = (isUpload ? UPLOAD_PHASES[phase] : undefined) ?? PULL_PHASES[phase] ?? phase
  return [
    `${what}: ${how}`,
    `${bytes(received)}${size === undefined ? '' : ` of ${bytes(size)}`} ${isUpload ? 'received' : 'fetched'}`,
    ...(message === undefined ? [] : [message]),
  ].join('\n')
}

/** What differs between the program that is deployed and the one that is installed here, and what to do about it. */
const versionProblem = ({ versions }: Status): string | undefined => {
  // A server of an earlier version does not say.
  const deployed = versions?.program ?? 'an earlier version'
  if (deployed === VERSION) return undefined
  return `the server runs ${deployed}, and this pds is ${VERSION}: deploy again (\`npx pds upgrade && npx wrangler deploy\`), or \`npm update cirrus-pds\` if the server’s is the later one`
}

/** Shown only where somebody tried in vain. */
const signInsText = ({ signIns }: Status): string => {
  // A server of an earlier version does not say.
  const { failedInARow = 0, lastFailedAt = '', refusedTokens = 0 } = signIns ?? {}
  return [
    failedInARow > 0
      ? `${count(failedInARow, 'wrong password')} since the last good one, the last ${lastFailedAt}`
      : '',
    refusedTokens > 0 ? `${count(refusedTokens, 'token')} refused in the last day` : '',
  ]
    .filter(Boolean)
    .join('\n')
}

/** Failed sign-ins are counted in one entry. */
const times = (detail: unknown): string => {
  const found = isObject(detail) ? detail['times'] : undefined
  return typeof found === 'number' && found > 1 ? ` (${found.toLocaleString('en-US')} times)` : ''
}

const RELAY_STATUSES: Record<string, string> = {
  active: 'follows',
  idle: 'follows; there was nothing new for some time',
  offline: 'gave this server up, and is asked again within hours (or now: `pds request-crawl`)',
  throttled: 'follows slowly, because this server sent too much',
  banned: 'refuses this server: ask its operator',
  unknown: 'does not know this server (`pds request-crawl`)',
}

const relayText = ({ relay, status, behind = 0, error }: Reach['relays'][number]): string => {
  const said = status === undefined ? `not known: ${error ?? ''}` : (RELAY_STATUSES[status] ?? status)
  return `${relay}  ${said}${behind > 0 ? `, ${count(behind, 'event')} behind` : ''}`
}

const duration = (ms: number): string => {
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`
  return ms < 7200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3600_000)} h`
}

const appViewText = ({ appView }: Reach): string => {
  if (!appView) return ''
  const { url, known, handle, behindMs, error } = appView
  if (known === undefined) return `${url}  not known: ${error ?? ''}`
  if (!known) return `${url}  does not know the account yet`
  const lag =
    behindMs === undefined ? '' : behindMs === 0 ? ', and has everything' : `, ${duration(behindMs)} behind`
  return `${url}  knows the account${lag}${handle === 'handle.invalid' ? '\nit could not verify the handle: `pds doctor`' : ''}`
}

/** The backups that the server makes of itself. */
const backupText = ({ backup }: Status, paint: Paint): string => {
  if (!backup) return ''
  const { schedule, lastAt, rev, failedAt, error } = backup
  const made = lastAt ? `last ${lastAt}, rev ${rev ?? '?'}` : 'none yet'
  return `${schedule}, into the bucket: ${made}${failedAt ? `\n${paint('yellow', `failed ${failedAt}: ${error ?? ''}`)}` : ''}`
}

const statusText = (
  status: Status,
  { reach, pull }: { reach: Reach | undefined; pull: Pull | undefined },
  origin: string,
  paint: Paint,
): string => {
  const { did, handle, versions, repo, blobs, journal, warnings, next } = status
  const { deactivatedAt, deleteAfter, fencedUntil, retention, didDocument } = status
  const state = stateOf(status)
  const yellowIfAny = (text = ''): string => (text === '' ? '' : paint('yellow', text))
  const rows: [string, string][] = [
    ['Account', `${handle}  ${did}`],
    ['Server', versions ? `${origin}  Cirrus ${versions.program}, database ${versions.schema}` : origin],
    ['Version', yellowIfAny(versionProblem(status))],
    ['State', paint(state === 'active' ? 'green' : 'yellow', STATES[state] ?? state)],
    [
      '',
      [deactivatedAt ? `since ${deactivatedAt}` : '', deleteAfter ? `delete after ${deleteAfter}` : '']
        .filter(Boolean)
        .join(', '),
    ],
    [
      'Writes',
      yellowIfAny(
        fencedUntil && `fenced off until ${fencedUntil}, while the account is being moved; then taken again`,
      ),
    ],
    ['Kept', retention ? retentionText(retention) : ''],
    ['Identity', identityText(status)],
    [
      'did.json',
      yellowIfAny(
        didDocument && `served here, and names ${didDocument.pds}: keep this host name and this Worker`,
      ),
    ],
    [
      'Repository',
      repo.rev
        ? `rev ${repo.rev}, ${count(repo.records, 'record')}, ${count(repo.blocks, 'block')}\ncommit ${repo.commit ?? '?'}`
        : 'none',
    ],
    ['Relays', (reach?.relays ?? []).map(relayText).join('\n')],
    ['AppView', reach ? appViewText(reach) : ''],
    ['Import', importText(status)],
    ['Pull', pull ? pullText(pull) : ''],
    ['Blobs', `${blobs.stored.toLocaleString('en-US')} of ${count(blobs.expected, 'blob')} stored`],
    ['Backup', backupText(status, paint)],
    ['Sign-ins', signInsText(status)],
    ['Not submitted', unsubmittedText(status)],
    [
      'Journal',
      journal
        .slice(0, 5)
        .map(({ at, event, detail }) => `${at}  ${event}${times(detail)}`)
        .join('\n'),
    ],
    ['Warnings', (warnings ?? []).map(({ message }) => paint('yellow', message)).join('\n')],
    ['Next', paint('bold', next)],
  ]
  return table(
    rows.filter(([, value]) => value !== ''),
    paint,
  )
}

export const status = command({
  name: 'status',
  summary: 'Show what is where, and the one next command to run.',
  async run({ admin, address, out }) {
    const server = await admin()
    const [found, reach, pull] = await Promise.all([getStatus(server), getReach(server), getPull(server)])
    const problem = versionProblem(found)
    out.result(
      {
        ok: true,
        server: address().origin,
        ...found,
        ...(reach ? { reach } : {}),
        ...(pull ? { pull } : {}),
        ...(problem ? { versionProblem: problem } : {}),
      },
      statusText(found, { reach, pull }, address().origin, out.paint),
    )
  },
})
