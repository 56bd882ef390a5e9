import { REPO_FILE } from '../copy/fetchRepo.ts'
import type { MissingBlob } from '../copy/copyBlobs.ts'
import { copyDepsOf } from '../copyDeps.ts'
import { done, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { attest } from '../proof/attest.ts'
import { prove } from '../proof/prove.ts'
import type { Statement } from '../proof/statement.ts'
import { insist } from './ask.ts'
import { assertHeadNamesTarget } from './headNamesTarget.ts'

/** Of how many blobs the bytes are fetched and hashed here. Each one is asked for. */
const SAMPLED_BLOBS = 20
/** The file of the store with the statement of completeness. */
export const STATEMENT_FILE = 'statement.json'

/** Compares what the target gives out with what was copied. */
const proveMove = (move: Move): Promise<Statement> => {
  const { deps, who, source, target, store, journal, facts } = move
  const { progress } = copyDepsOf(move, 'verify')
  return prove(deps, {
    did: who.did,
    target: { origin: target.origin, client: target.client },
    source: { origin: source.name, client: source.client, ...(facts.repo ? { file: REPO_FILE } : {}) },
    relays: [],
    sample: SAMPLED_BLOBS,
    left: [...journal.state.leftBehind],
    store,
    onProgress: (what, count, totalCount) => {
      if (what === 'blobs') progress?.({ bytes: 0, count, totalCount })
    },
  })
}

/** Records that only the source has, and that the owner has not agreed to leave there. */
const lostRecords = ({ journal, who, facts }: Move, { records }: Statement): string[] => {
  const { leftBehind, taken } = journal.state
  // What the target has not taken, because it came later, is brought over later too.
  if (facts.repo?.root !== taken) return []
  return (records?.gone ?? []).filter(
    (path) => !leftBehind.has(path) && !leftBehind.has(`at://${who.did}/${path}`),
  )
}

/**
 * Since the activation the owner may have deleted records on the target, which is right. Whether what is gone was
 * deleted or lost, only they know.
 */
const agreeToGone = async (
  { owner, target, who, journal, facts }: Move,
  gone: readonly string[],
): Promise<void> => {
  if (gone.length === 0) return
  const uris = gone.map((path) => `at://${who.did}/${path}`)
  const text = `${target.origin} lacks ${gone.length} records that it has taken: ${uris.slice(0, 5).join(', ')}${gone.length > 5 ? ' …' : ''}`
  if (!facts.activatedBefore) throw new MoverError('copy-incomplete', text)
  await insist(
    { owner },
    { topic: 'missing', question: `${text}. Were they deleted there since, by you?`, lines: uris },
    new MoverError('copy-incomplete', text, {
      next: 'look for these records in your apps; then run the same command again in a terminal, and answer',
    }),
  )
  await journal.append({ type: 'leftBehind', kind: 'records', names: uris })
  facts.left.push(...uris.map((uri) => `${uri} is gone on ${target.origin}, as you have answered`))
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

const forgotten = (cid: string): MissingBlob => ({
  cid,
  side: 'target',
  reason: 'not-kept',
  text: 'it does not give the blob out, though it has taken it',
  path: '',
  size: undefined,
})

/**
 * Looks at what the target has now, whatever it answered before: the tree, every blob, whom the DID names. The statement
 * of it is kept in the store, signed by a source that is a Cirrus.
 */
export const verify: Step = {
  name: 'verify',
  title: 'Verified',
  reversible: true,
  needs: ['activate'],
  isDone: async () => undefined,
  async run(move) {
    const { source, store, facts, emit } = move
    await assertHeadNamesTarget(move)
    const statement = await proveMove(move)
    const attested = await attest(statement, source.attestor)
    const { problem, recorded: _, ...signed } = attested
    await store.writeFile(STATEMENT_FILE, bytesOf(`${JSON.stringify(signed, null, 2)}\n`))
    if (problem !== undefined)
      emit({ type: 'warning', step: 'verify', code: 'statement-refused', text: `${source.name}: ${problem}` })
    await agreeToGone(move, lostRecords(move, statement))
    const known = new Set(facts.missing.map(({ cid }) => cid))
    const gone = statement.blobs.missing.filter((cid) => !known.has(cid))
    facts.missing = [...facts.missing, ...gone.map(forgotten)]
    for (const { id, seen, level } of statement.checks)
      if (level !== 'pass' && id !== 'handle') emit({ type: 'note', step: 'verify', text: `${id}: ${seen}` })
    const { present, referenced } = statement.blobs
    return done(
      `${statement.target.records} records and ${present} of ${referenced} blobs; the statement is in ${store.name}/${STATEMENT_FILE}`,
    )
  },
}
