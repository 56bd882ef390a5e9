import type { Cid } from '@atproto/lex-data'
import { indexKey } from '../../../repo/car/indexCar.ts'
import { type Commit, CommitError, parseCommit, verifyCommit } from '../../../repo/commit.ts'
import { MAX_REV_AHEAD_MS, parseTid } from '../../../repo/tid.ts'
import { repositoryRules as rules } from './rules.ts'
import type { Rule } from '../../types.ts'
import type { ReadExport } from './readExport.ts'
import { type ReadTree, readTree } from './readTree.ts'

/** What became of one rule; without `problem` and `unclear` it is kept. */
export interface Verdict {
  readonly rule: Rule
  readonly problem?: string
  readonly unclear?: string
}

/** An export that was judged. Its tree is there if its commit is. */
export interface JudgedExport {
  readonly verdicts: readonly Verdict[]
  readonly root?: Cid
  readonly commit?: Commit
  readonly tree?: ReadTree
}

export interface ExportContext {
  readonly did: string
  /** The key that the DID names, as did:key; or why it is not known. */
  readonly key: string | { readonly unclear: string }
  /** Milliseconds since the epoch. */
  readonly now: number
}

const OF_THE_TREE = [
  rules.complete,
  rules.tree,
  rules.nothingMore,
  rules.preorder,
  rules.records,
  rules.recordTypes,
]
const OF_THE_COMMIT = [rules.prev, rules.rev, rules.signature, ...OF_THE_TREE]

const unclear = (all: readonly Rule[], reason: string): Verdict[] =>
  all.map((rule) => ({ rule, unclear: reason }))

const verdict = (rule: Rule, problem: string | undefined): Verdict =>
  problem === undefined ? { rule } : { rule, problem }

/** What is wrong with the commit as such, by rule. */
const parse = (bytes: Uint8Array): { commit: Commit } | { rule: Rule; problem: string } => {
  try {
    return { commit: parseCommit(bytes) }
  } catch (cause) {
    if (!(cause instanceof CommitError)) throw cause
    return { rule: cause.code === 'BadRev' ? rules.rev : rules.commit, problem: cause.message }
  }
}

async function judgeSignature(commit: Commit, { did, key }: ExportContext): Promise<Verdict> {
  const { signature: rule } = rules
  if (typeof key !== 'string') return { rule, unclear: key.unclear }
  return verdict(
    rule,
    (await verifyCommit(commit, key)) ? undefined : `not signed by ${key}, the key of ${did}`,
  )
}

const judgeRev = ({ rev }: Commit, now: number): Verdict => {
  const aheadMs = parseTid(rev).micros / 1000 - now
  return verdict(
    rules.rev,
    aheadMs > MAX_REV_AHEAD_MS ? `${rev} is ${Math.round(aheadMs / 60_000)} minutes ahead` : undefined,
  )
}

/** The verdicts on a CAR that was read to its end. */
async function judgeWhole(car: ReadExport, root: Cid, context: ExportContext): Promise<JudgedExport> {
  const block = car.blocks.get(indexKey(root))
  const named = root.toString()
  if (!block)
    return {
      root,
      verdicts: [
        { rule: rules.commit, problem: `the root ${named} is not in the CAR` },
        ...unclear(OF_THE_COMMIT, 'the commit is missing'),
      ],
    }
  const parsed = parse(block.bytes)
  if ('problem' in parsed) {
    const others = OF_THE_COMMIT.filter((rule) => rule !== parsed.rule)
    return { root, verdicts: [parsed, ...unclear(others, 'the commit could not be read')] }
  }
  const { commit } = parsed
  const other = commit.did === context.did ? undefined : `it is the commit of ${commit.did}`
  const tree = readTree(car, commit)
  return {
    root,
    commit,
    tree,
    verdicts: [
      verdict(rules.commit, other),
      verdict(rules.prev, commit.prev ? `prev is ${commit.prev.toString()}` : undefined),
      judgeRev(commit, context.now),
      await judgeSignature(commit, context),
      verdict(rules.tree, tree.problem),
      ...(tree.problem === undefined
        ? [
            verdict(rules.complete, tree.missing),
            verdict(rules.nothingMore, tree.superfluous),
            verdict(rules.preorder, tree.missing === undefined ? tree.disorder : undefined),
            verdict(rules.records, tree.badRecords),
            verdict(rules.recordTypes, tree.otherTypes),
          ]
        : unclear(
            OF_THE_TREE.filter((rule) => rule !== rules.tree),
            'the tree could not be walked',
          )),
    ],
  }
}

/** Judges an export of a whole repository. */
export async function judgeExport(car: ReadExport, context: ExportContext): Promise<JudgedExport> {
  const { error, roots } = car
  const [root] = roots
  if (error?.code === 'TooLarge' || error?.code === 'TooManyBlocks')
    return { verdicts: unclear([rules.car, rules.hashes, rules.commit, ...OF_THE_COMMIT], error.message) }
  if (error) {
    const rule = error.code === 'HashMismatch' ? rules.hashes : rules.car
    const others = [rules.car, rules.hashes, rules.commit, ...OF_THE_COMMIT].filter((one) => one !== rule)
    return {
      verdicts: [{ rule, problem: error.message }, ...unclear(others, 'the export could not be read')],
    }
  }
  const format: Verdict[] = [
    { rule: rules.car },
    { rule: rules.hashes },
    verdict(rules.oneRoot, roots.length === 1 ? undefined : `${roots.length} roots`),
  ]
  if (!root)
    return { verdicts: [...format, ...unclear([rules.commit, ...OF_THE_COMMIT], 'no root is named')] }
  const judged = await judgeWhole(car, root, context)
  return { ...judged, verdicts: [...format, ...judged.verdicts] }
}
