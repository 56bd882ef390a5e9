import type { State } from '../../policy.ts'

/** What the next command depends on. */
export interface Situation {
  state: State
  did: string
  origin: string
  /** The DID is the did:web of this host, which serves its document. */
  servesDid: boolean
  /** The account was active here before. */
  wasActive: boolean
  /** What the network says; `error` if it could not be asked. */
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
  /** After a move: it was not recorded that everything is at the other PDS. */
  unverified: boolean
  /** A change of the signing key is under way: NEXT_SIGNING_KEY waits, or is in use and not yet SIGNING_KEY. */
  rotation: 'waiting' | 'in use' | undefined
  records: number
  /** Blobs that records refer to and that are not stored. */
  missingBlobs: number
  /** Operations that were signed and not submitted, with the PDS that each would name. */
  unsubmitted: readonly { pds: string | undefined }[]
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

const pdsName = (pds: string | undefined) => (pds === undefined ? 'no PDS at all' : pds)

const howToFixDid = ({ did, servesDid }: Situation) => {
  if (did.startsWith('did:plc:'))
    return 'have an operation signed that names this server (`pds import --from <host>` continues with it)'
  return servesDid ? 'run `pds did-web-move --back`' : 'edit its did.json'
}

/** A clause about the operations that were signed and not submitted; undefined if there are none. */
const unsubmittedClause = ({ unsubmitted }: Situation): string | undefined => {
  const [first] = unsubmitted
  if (!first) return undefined
  const { length } = unsubmitted
  return `${plural(length, 'PLC operation')} signed here and not submitted ${length === 1 ? 'remains' : 'remain'} valid (to ${pdsName(first.pds)})`
}

/** Of a did:web whose document this host serves. */
const KEEP_HOST =
  'Keep the host name and this Worker, which serves did.json, for as long as the account is to exist.'

const whenAbsent = (situation: Situation): string => {
  const { identity } = situation
  if ('error' in identity)
    return 'The DID could not be looked up. Next: `pds status` again; if that does not help, check DID and PLC_DIRECTORY_URL with `pds init`.'
  if (identity.tombstoned)
    return `${situation.did} has been tombstoned and can never be used. Next: \`pds init\` with another DID.`
  if (!identity.here)
    return `The DID names ${pdsName(identity.pds)}. Next: \`pds import --from ${identity.pds ?? '<host>'}\` moves the account here.`
  if (!identity.keyIsOurs)
    return `The DID names this server with another signing key. Next: ${howToFixDid(situation)}, or set SIGNING_KEY to that key.`
  return 'The DID names this server. Next: `pds activate` creates the account, empty; if you have a backup, `pds restore <dir>` restores it.'
}

/** Deactivated, and never active here before. */
const whenMovingIn = (situation: Situation): string => {
  const { identity, missingBlobs, records } = situation
  if ('error' in identity)
    return 'The account is moving in; the DID could not be looked up. Next: `pds status` again.'
  const from = identity.here ? '<old host or folder>' : (identity.pds ?? '<old host>')
  if (records === 0 && !identity.here)
    return `The account is created and still empty. Next: \`pds import --from ${from}\` continues the move.`
  if (missingBlobs > 0)
    return `${plural(missingBlobs, 'blob')} missing. Next: \`pds import --from ${from}\` fetches what is missing.`
  if (!identity.here)
    return `The repository is here; the DID still names ${pdsName(identity.pds)}. Next: \`pds import --from ${from}\` continues with the PLC step.`
  if (!identity.keyIsOurs)
    return `The DID names this server with another signing key. Next: ${howToFixDid(situation)}.`
  if (records === 0)
    return 'The DID names this server, and the repository is empty. Next: `pds import --from <old host or folder>`; or `pds activate` to start with an empty repository.'
  return 'Everything is here and the DID names this server. Next: `pds activate`.'
}

const whenDeactivated = (situation: Situation): string => {
  const { identity } = situation
  if ('error' in identity) return 'Deactivated; the DID could not be looked up. Next: `pds status` again.'
  if (!identity.here && situation.unverified && identity.pds !== undefined)
    return `The move is done: the DID names ${pdsName(identity.pds)}. Nothing was deleted here, and nothing is before it was verified that everything is there. Next: \`pds verify --to ${identity.pds}\`.${situation.servesDid ? ` ${KEEP_HOST}` : ''}`
  if (!identity.here && situation.servesDid)
    return `The move is done: the DID names ${pdsName(identity.pds)}. Nothing was deleted. Next: \`pds backup <dir>\` for a last backup. ${KEEP_HOST} \`pds did-web-move --back\` has it name this server again.`
  if (!identity.here)
    return `The move is done: the DID names ${pdsName(identity.pds)}, and this server is out of service. Nothing was deleted. Next: \`pds backup <dir>\` for a last backup; then delete Worker, bucket and DNS records as the README says.`
  const unsubmitted = unsubmittedClause(situation)
  if (unsubmitted)
    return `Half-way: the account is deactivated here, the DID still names this server, and ${unsubmitted}. Next: to finish the move, repeat the new PDS's PLC step; to undo it, \`pds identity --void\` and then \`pds activate\`.`
  if (!identity.keyIsOurs)
    return `Deactivated, and the DID names this server with another signing key. Next: ${howToFixDid(situation)}, then \`pds activate\`.`
  return "Deactivated, but the DID still names this server: nobody serves the account. Next: `pds activate` to use it here again; or repeat the new PDS's PLC step."
}

const whenActive = (situation: Situation): string => {
  const { identity, missingBlobs } = situation
  const unsubmitted = unsubmittedClause(situation)
  if ('error' in identity)
    return 'Active; the DID could not be looked up, so it is not known whether it still names this server. Next: `pds status` again.'
  if (unsubmitted)
    return `The DID still names this server, and ${unsubmitted}. Next: to finish the move, repeat the new PDS's PLC step; to stay, \`pds identity --void\`.`
  if (situation.rotation === 'waiting')
    return 'A new signing key waits in NEXT_SIGNING_KEY. Next: `pds rotate-key` has the DID name it, and puts it in use.'
  if (situation.rotation === 'in use')
    return 'The new signing key is in use. Next: `pds rotate-key` again moves it from NEXT_SIGNING_KEY to SIGNING_KEY.'
  if (!identity.keyIsOurs)
    return `The DID names another signing key than this server's, so other servers reject what this server signs. Next: set SIGNING_KEY to that key, or ${howToFixDid(situation)}; then \`pds activate\`.`
  if (missingBlobs > 0)
    return `${plural(missingBlobs, 'blob')} that records refer to ${missingBlobs === 1 ? 'is' : 'are'} missing here. Next: \`pds import --from <old host or folder>\` fetches what is missing.`
  return 'All is well: nothing to do. To leave: `pds migrate-token --target <url of the new PDS>`.'
}

const whenMoved = ({ identity, servesDid }: Situation): string => {
  const pds = 'error' in identity ? 'another PDS' : pdsName(identity.pds)
  if (!('error' in identity) && identity.tombstoned)
    return 'The DID has been tombstoned. Next: `pds backup <dir>` for a backup, then `pds deactivate`.'
  if (servesDid)
    return `The did.json of this host names ${pds}; this server accepts no writes, and goes on serving that document. Next: once the new PDS has everything, \`pds deactivate\`; or \`pds did-web-move --back\` to stay.`
  return `The DID now names ${pds}; this server accepts no writes and signs nothing more. Next: once the new PDS has everything, \`pds deactivate\`. (It can still read what it is missing, with a token of \`pds migrate-token\`.)`
}

/** The one next command in every situation: how a half-finished move is finished or undone. */
export const nextCommand = (situation: Situation): string => {
  switch (situation.state) {
    case 'deleted':
      return 'The account is deleted. Next: within a day or two relays have noticed; then delete Worker, bucket and DNS records as the README says.'
    case 'absent':
      return whenAbsent(situation)
    case 'deactivated':
      return situation.wasActive ? whenDeactivated(situation) : whenMovingIn(situation)
    case 'active':
      return whenActive(situation)
    case 'moved':
      return whenMoved(situation)
  }
}
