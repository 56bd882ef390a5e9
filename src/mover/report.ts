import type { Move } from './move.ts'
import type { Known } from './openMove.ts'
import type { MoveReport } from './moveEvent.ts'
import type { StepName } from './stepName.ts'

/** How a move ends that had nothing to do. */
export const finishedReport = ({ who, target, journal }: Known): MoveReport => {
  const sourceDeactivated = journal.state.deactivated
  return {
    ok: true,
    did: who.did,
    handle: target.ownHandle ?? who.handle ?? who.did,
    from: journal.state.move?.from ?? '',
    to: target.origin,
    already: true,
    reached: 'report',
    rehearsal: false,
    records: journal.state.repository?.records ?? 0,
    blobs: 0,
    missing: [],
    left: [],
    activated: true,
    sourceDeactivated,
    next: 'nothing: the account is there, active and complete',
  }
}

const nextOf = (move: Move, reached: StepName, rehearsal: boolean): string => {
  const { facts, source, target, who } = move
  if (rehearsal)
    return `run the same command without --rehearse: it uses what is on ${target.origin} already. The account there stays inactive until then; to delete it, use the target's own account deletion, which mails a code`
  if (reached !== 'report') return 'run the same command without --until: it goes on where it stopped'
  if (facts.missing.length > 0)
    return `${facts.missing.length} blobs are missing; run the same command again while ${source.name} still has them`
  if (!facts.sourceDeactivated && source.origin !== undefined)
    return `deactivate the account on ${source.name} (a Cirrus: \`pds deactivate\` there)`
  const account = source.attestor ? '' : ` --identifier ${who.did}`
  const canUndo = facts.plan?.roles.some(({ role }) => role === 'recovery') ?? true
  return `run \`pds verify --to ${target.origin}${account}\`${canUndo ? ', and keep your recovery key: it can undo the move for 72 hours' : ''}`
}

/** How this run of a move ended. */
export function makeReport(
  move: Move,
  { reached, already }: { reached: StepName; already: boolean },
): MoveReport {
  const { who, source, target, facts, options } = move
  const rehearsal = options.rehearse === true
  return {
    ok: facts.missing.length === 0,
    did: who.did,
    handle: facts.handle ?? who.handle ?? who.did,
    from: source.name,
    to: target.origin,
    already,
    reached,
    rehearsal,
    records: facts.repo?.records ?? 0,
    blobs: facts.repo?.blobs.size ?? 0,
    missing: facts.missing.map(({ cid }) => cid),
    left: facts.left,
    activated: facts.activated,
    sourceDeactivated: facts.sourceDeactivated,
    next: nextOf(move, reached, rehearsal),
  }
}
