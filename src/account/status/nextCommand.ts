/** The one next command for every situation: how a half-finished move is finished or reversed. */
import type { State } from '../../policy.ts'

export interface Situation {
  state: State
  did: string
  origin: string
  /** The account was active here before. */
  wasActive: boolean
  /** What the network says; `error` where it could not be asked. */
  identity:
    | { error: string }
    | {
        /** Origin of the PDS that the DID names. */
        pds: string | undefined
        /** The DID names this server. */
        here: boolean
        /** And this server's signing key. */
        keyIsOurs: boolean
        tombstoned: boolean
      }
  records: number
  /** Blobs that records refer to and that are not stored. */
  missingBlobs: number
  /** Operations that were signed and not submitted, with the PDS that each would name. */
  unsubmitted: readonly { pds: string | undefined }[]
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

const elsewhere = (pds: string | undefined) => (pds === undefined ? 'no PDS at all' : pds)

const fix = ({ did }: Situation) =>
  did.startsWith('did:plc:')
    ? 'have an operation signed that names this server (`pds import --from <host>` goes on with it)'
    : 'edit its did.json'

const waiting = (situation: Situation): string | undefined => {
  const [operation] = situation.unsubmitted
  if (!operation) return undefined
  const { length } = situation.unsubmitted
  return `${plural(length, 'PLC operation')} signed here and not submitted ${length === 1 ? 'stays' : 'stay'} valid (to ${elsewhere(operation.pds)})`
}

const absent = (situation: Situation): string => {
  const { identity } = situation
  if ('error' in identity)
    return 'The DID could not be looked up. Next: `pds status` again; if it stays so, check DID and PLC_DIRECTORY_URL with `pds init`.'
  if (identity.tombstoned)
    return `${situation.did} has been tombstoned and can never be used. Next: \`pds init\` with another DID.`
  if (!identity.here)
    return `The DID names ${elsewhere(identity.pds)}. Next: \`pds import --from ${identity.pds ?? '<host>'}\` moves the account here.`
  if (!identity.keyIsOurs)
    return `The DID names this server with another signing key. Next: ${fix(situation)}, or set SIGNING_KEY to that key.`
  return 'The DID names this server. Next: `pds activate` creates the account, empty; with a backup, `pds import --from <folder>` brings it back.'
}

const incoming = (situation: Situation): string => {
  const { identity, missingBlobs, records } = situation
  if ('error' in identity)
    return 'The account is moving in; the DID could not be looked up. Next: `pds status` again.'
  const from = identity.here ? '<old host or folder>' : (identity.pds ?? '<old host>')
  if (records === 0 && !identity.here)
    return `The account is made and still empty. Next: \`pds import --from ${from}\` goes on.`
  if (missingBlobs > 0)
    return `${plural(missingBlobs, 'blob')} missing. Next: \`pds import --from ${from}\` fetches what is missing.`
  if (!identity.here)
    return `The repository is here; the DID still names ${elsewhere(identity.pds)}. Next: \`pds import --from ${from}\` goes on with the PLC step.`
  if (!identity.keyIsOurs)
    return `The DID names this server with another signing key. Next: ${fix(situation)}.`
  if (records === 0)
    return 'The DID names this server, and the repository is empty. Next: `pds import --from <old host or folder>`; or `pds activate` to begin with nothing.'
  return 'Everything is here and the DID names this server. Next: `pds activate`.'
}

const deactivated = (situation: Situation): string => {
  const { identity } = situation
  if ('error' in identity) return 'Deactivated; the DID could not be looked up. Next: `pds status` again.'
  if (!identity.here)
    return `The move is done: the DID names ${elsewhere(identity.pds)}, and this server is out of service. Nothing was deleted. Next: \`pds export <dir>\` for a last backup; then delete Worker, bucket and DNS records as the README says.`
  const signed = waiting(situation)
  if (signed)
    return `Half-way: deactivated here, the DID still names this server, and ${signed}. Next: to go on, repeat the new PDS's PLC step; to turn back, \`pds identity --void\` and then \`pds activate\`.`
  if (!identity.keyIsOurs)
    return `Deactivated, and the DID names this server with another signing key. Next: ${fix(situation)}, then \`pds activate\`.`
  return "Deactivated, but the DID still names this server: nobody serves the account. Next: `pds activate` to go on using it here; or repeat the new PDS's PLC step."
}

const active = (situation: Situation): string => {
  const { identity, missingBlobs } = situation
  const signed = waiting(situation)
  if ('error' in identity)
    return 'Active; the DID could not be looked up, so it is not known whether it still names this server. Next: `pds status` again.'
  if (signed)
    return `The DID still names this server, and ${signed}. Next: to go on, repeat the new PDS's PLC step; to stay, \`pds identity --void\`.`
  if (!identity.keyIsOurs)
    return `The DID names another signing key than this server's: what it signs is not believed. Next: set SIGNING_KEY to that key, or ${fix(situation)}; then \`pds activate\`.`
  if (missingBlobs > 0)
    return `${plural(missingBlobs, 'blob')} that records refer to missing here. Next: \`pds import --from <old host or folder>\` fetches what is missing.`
  return 'All is well: nothing to do. To leave: `pds migrate-token --target <url of the new PDS>`.'
}

const moved = ({ identity }: Situation): string => {
  const pds = 'error' in identity ? 'another PDS' : elsewhere(identity.pds)
  if (!('error' in identity) && identity.tombstoned)
    return 'The DID has been tombstoned. Next: `pds export <dir>` for a backup, then `pds deactivate`.'
  return `The DID now names ${pds}; this server takes no writes and signs nothing more. Next: once the new PDS has everything, \`pds deactivate\`. (What it misses it can still read: \`pds migrate-token\`.)`
}

export const nextCommand = (situation: Situation): string => {
  switch (situation.state) {
    case 'absent':
      return absent(situation)
    case 'deactivated':
      return situation.wasActive ? deactivated(situation) : incoming(situation)
    case 'active':
      return active(situation)
    case 'moved':
      return moved(situation)
  }
}
