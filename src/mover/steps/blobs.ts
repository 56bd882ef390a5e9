import { copyBlobs, type MissingBlob } from '../copy/copyBlobs.ts'
import { loadRepo } from '../copy/fetchRepo.ts'
import type { RepoFacts } from '../copy/writeRepo.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { already, done, type Move, type Outcome, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import type { StepName } from '../stepName.ts'
import { fetchSource } from './repository.ts'

const count = (n: number, one: string): string => `${n.toLocaleString('en-US')} ${n === 1 ? one : `${one}s`}`

const lineOf = ({ cid, side, text, path }: MissingBlob): string =>
  `${cid} (of ${path}), ${side === 'source' ? 'the old server' : 'the new server'}: ${text}`

/** Names what is missing, and goes on only if the owner does: nothing is silently counted as lost. */
const agreeToMissing = async (move: Move, step: StepName, missing: readonly MissingBlob[]): Promise<void> => {
  const { owner, journal, emit, source, facts } = move
  const unnamed = missing.filter(({ cid }) => !journal.state.leftBehind.has(cid))
  if (unnamed.length === 0) return
  const lines = unnamed.map(lineOf)
  const shown = `${lines.slice(0, 20).join('\n  ')}${lines.length > 20 ? `\n  and ${lines.length - 20} more` : ''}`
  emit({
    type: 'warning',
    step,
    code: 'copy-incomplete',
    text: `${count(unnamed.length, 'blob')} could not be copied:\n  ${shown}`,
  })
  if (facts.rotated) return
  const agreed = await owner.answer('confirm', {
    topic: 'missing',
    question: 'Continue without them?',
    lines,
    insists: false,
  })
  if (!agreed)
    throw new MoverError(
      'copy-incomplete',
      `${count(unnamed.length, 'blob')} of ${source.name} could not be copied: ${lines.slice(0, 5).join('; ')}`,
    )
}

/**
 * The repository that the target took, where the store has it: after the rotation nothing newer takes its place there,
 * because it shows what came later.
 */
const takenRepo = async (move: Move, step: StepName): Promise<RepoFacts | undefined> => {
  if (!move.facts.rotated) return undefined
  const repo = await loadRepo(copyDepsOf(move, step), move)
  return repo?.root === move.journal.state.taken ? repo : undefined
}

/** Copies the blobs that the final tree refers to and that the target lacks. */
export async function bringBlobs(move: Move, step: StepName): Promise<Outcome> {
  const { source, target, who, facts, journal } = move
  facts.repo ??= await takenRepo(move, step)
  const repo = facts.repo ?? (await fetchSource(move, step)).facts
  const found = await copyBlobs(copyDepsOf(move, step), {
    did: who.did,
    source,
    target,
    blobs: repo.blobs,
    left: [...journal.state.leftBehind],
  })
  facts.missing = found.missing
  await agreeToMissing(move, step, found.missing)
  const lost = found.missing.length > 0 ? `, ${found.missing.length} missing` : ''
  if (found.copied === 0 && lost === '') return already(`${count(found.needed, 'blob')} (were there already)`)
  return done(`${count(found.copied, 'blob')} copied${lost}`)
}

/** Copies the blobs: each verified by its hash, some at a time, and only those that are missing. */
export const blobs: Step = {
  name: 'blobs',
  title: 'Blobs',
  reversible: true,
  needs: ['repository'],
  // Every run asks the target what it lacks.
  isDone: async () => undefined,
  run: (move) => bringBlobs(move, 'blobs'),
}
