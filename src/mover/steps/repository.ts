import { fetchRepo, type FetchedRepo } from '../copy/fetchRepo.ts'
import { deleteAtSource, type RefusedRecord, sendRepo } from '../copy/sendRepo.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { already, done, type Move, type Outcome, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import type { StepName } from '../stepName.ts'
import { insist } from './ask.ts'

const count = (n: number, one: string): string => `${n.toLocaleString('en-US')} ${n === 1 ? one : `${one}s`}`

/** How the target fetches the repository itself, if it can. */
const pullOf = ({ source, target, ...move }: Move, step: StepName): (() => Promise<void>) | undefined => {
  const { origin, readToken } = source
  if (!target.pull || origin === undefined) return undefined
  const copy = copyDepsOf({ source, target, ...move }, step)
  return () =>
    target.pull?.(copy, { source: origin, ...(readToken && { token: readToken }) }) ?? Promise.resolve()
}

/** Fetches the source's repository as it is now. What was fetched before is not fetched again. */
export async function fetchSource(move: Move, step: StepName): Promise<FetchedRepo> {
  const { source, who, store, facts } = move
  const fetched = await fetchRepo(copyDepsOf(move, step), {
    source,
    who,
    store,
    maxBytes: move.options.maxRepoBytes,
  })
  facts.repo = fetched.facts
  return fetched
}

/** The target refuses the repository because of some records: only the owner can say what becomes of them. */
const deleteRefused = async (
  move: Move,
  step: StepName,
  { records, reason }: { records: readonly RefusedRecord[]; reason: string },
): Promise<void> => {
  const { owner, source, target, who } = move
  const lines = records.map(({ uri, problem }) => `${uri}: ${problem}`)
  const refused = new MoverError(
    'import-refused',
    `${target.origin} refuses the repository (${reason}); these records may be why: ${lines.join('; ')}. Nothing was changed`,
    {
      next: `delete those records on ${source.name}, or choose another target, then run the same command again`,
    },
  )
  if (source.kind === 'archive') throw refused
  const question = `${target.origin} refuses the repository because of ${count(records.length, 'record')}. Delete ${records.length === 1 ? 'it' : 'them'} on ${source.name}, for ever, and go on?`
  await insist({ owner }, { topic: 'deleteRecords', question, lines }, refused)
  const deps = copyDepsOf(move, step)
  const uris = records.map(({ uri }) => uri)
  await deleteAtSource(deps, source.client, who.did, uris)
  await move.journal.append({ type: 'leftBehind', kind: 'records', names: uris })
  move.facts.left.push(...uris.map((uri) => `${uri} was deleted, as you have agreed`))
}

/** Brings the target's repository to the state that the source's has now. */
export async function bringRepository(move: Move, step: StepName): Promise<Outcome> {
  const { target, who, store, journal, emit } = move
  for (let attempts = 0; ; attempts++) {
    const { facts, delta } = await fetchSource(move, step)
    if (facts.malformed.length > 0 && attempts === 0)
      emit({
        type: 'warning',
        step,
        code: 'repository-refused',
        text: `${count(facts.malformed.length, 'record')} of the repository ${facts.malformed.length === 1 ? 'is' : 'are'} not as the specification says; the bytes are taken as they are: ${facts.malformed
          .map(({ path, problem }) => `${path} (${problem})`)
          .join(', ')}`,
      })
    const sent = await sendRepo(copyDepsOf(move, step), {
      did: who.did,
      target,
      store,
      facts,
      delta,
      pull: pullOf(move, step),
      maxRequestBytes: move.options.maxRequestBytes,
    })
    if (sent.outcome === 'refused') {
      if (attempts > 0) throw new MoverError('import-refused', `${target.origin}: ${sent.reason}`)
      await deleteRefused(move, step, sent)
      continue
    }
    const { root, rev, data, records } = facts
    if (journal.state.taken !== root) await journal.append({ type: 'repository', root, rev, data, records })
    const text = `${count(records, 'record')}, rev ${rev}`
    return sent.outcome === 'already' ? already(`${text} (was there already)`) : done(text)
  }
}

/** Copies the repository, verified against every key that the DID ever named. */
export const repository: Step = {
  name: 'repository',
  title: 'Repository',
  reversible: true,
  needs: ['account'],
  // The target alone cannot say so: what it must have is what the source has now.
  isDone: async ({ facts }) => (facts.rotated ? 'the DID names the new server already' : undefined),
  run: (move) => bringRepository(move, 'repository'),
}
