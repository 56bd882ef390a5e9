import { TokenError } from '../../crypto/errors.ts'
import { fromBase64url } from '../../crypto/base64url.ts'
import { PlcError } from '../../plc/errors.ts'
import { namedSigningKeys } from '../../plc/namedKeys.ts'
import { parseAuditLog } from '../../plc/parse.ts'
import type { VerifiedLog } from '../../plc/types.ts'
import { verifyLog } from '../../plc/verifyLog.ts'
import { cborCid } from '../../repo/cid.ts'
import { CommitError, parseCommit, verifyCommit } from '../../repo/commit.ts'
import { verifyStatementSignature } from '../../signing/statement.ts'
import { type Check, fail, pass, warn } from '../check.ts'
import { type SignedStatement, type StatedRepo, type Statement, statementDigest } from './statement.ts'

const EARLIER_KEY = 'a target that has just taken the account in signs with its own key at the next write'
const DISTRUST = 'do not rely on this statement: run `pds verify --to <URL>` again'

const checkLog = async ({ did, plcLog }: Statement): Promise<{ check: Check; log?: VerifiedLog }> => {
  if (!did.startsWith('did:plc:'))
    return {
      check: warn(
        'log',
        `${did} has no log: which keys are its own cannot be checked without its web server`,
        `compare with https://${did.slice('did:web:'.length)}/.well-known/did.json`,
      ),
    }
  try {
    const log = await verifyLog(did, parseAuditLog(plcLog ?? []))
    return {
      log,
      check: pass('log', `${log.entries.length} operations, verified from the genesis; head ${log.head.cid}`),
    }
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    return { check: fail('log', `the log of ${did} does not verify: ${cause.message}`, DISTRUST) }
  }
}

const checkHead = ({ target }: Statement, log: VerifiedLog): Check => {
  const endpoint = log.head.data?.services['atproto_pds']?.endpoint
  if (endpoint !== undefined && URL.canParse(endpoint) && new URL(endpoint).origin === target.origin)
    return pass('head', `the DID names ${target.origin}`)
  return fail(
    'head',
    `the DID named ${endpoint ?? 'no PDS'} then, not ${target.origin}`,
    'finish the move first: `pds move` goes on where it stopped',
  )
}

/**
 * Whether a stated repository is what its own commit says, and who signed that commit. With `today`, which key should
 * have.
 */
const checkCommit = async (
  id: string,
  did: string,
  stated: StatedRepo,
  keys: readonly string[] | undefined,
  today?: string,
): Promise<Check> => {
  const wrong = (why: string) => fail(id, `the commit of ${stated.origin} ${why}`, DISTRUST)
  const bytes = fromBase64url(stated.commit)
  if (!bytes) return wrong('is not base64url')
  let commit
  try {
    commit = parseCommit(bytes)
  } catch (cause) {
    if (!(cause instanceof CommitError)) throw cause
    return wrong(`cannot be read: ${cause.message}`)
  }
  if (commit.did !== did) return wrong(`is one of ${commit.did}`)
  if (cborCid(bytes).toString() !== stated.cid) return wrong('has another CID than stated')
  if (commit.data.toString() !== stated.data) return wrong('has another tree than stated')
  if (commit.rev !== stated.rev) return wrong('has another revision than stated')
  if (!keys)
    return warn(id, `revision ${stated.rev}; whose signature it has is not known`, 'see the check of the log')
  for (const key of keys) {
    if (!(await verifyCommit(commit, key))) continue
    return today === undefined || key === today
      ? pass(id, `revision ${stated.rev}, signed by ${key}`)
      : warn(id, `revision ${stated.rev}, signed by ${key}, an earlier key of the account`, EARLIER_KEY)
  }
  return wrong('is signed by none of the keys that the log names for it')
}

const checkSignature = async (
  { statement, signature }: SignedStatement,
  keys: readonly string[] | undefined,
): Promise<Check> => {
  if (signature === undefined)
    return warn(
      'signature',
      'the source has not signed this statement: only a Cirrus does',
      'what the commits and the log show does not depend on it; the counts of blobs are what the person who ran `pds verify` says',
    )
  if (!keys) return warn('signature', 'whose signature it is cannot be told without a log', DISTRUST)
  try {
    const found = await verifyStatementSignature(signature, { publicDidKeys: keys, issuer: statement.did })
    if (found.digest !== statementDigest(statement))
      return fail('signature', 'the statement was changed after it was signed', DISTRUST)
    return pass('signature', `signed by ${found.key}`)
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    return fail('signature', `the signature does not verify: ${cause.message}`, DISTRUST)
  }
}

const checkTree = ({ source, target, records }: Statement): Check => {
  if (!source) return warn('records', 'the source could not be read: nothing was compared', 'see `checks`')
  if (source.data === target.data)
    return pass('records', `both commits have the same tree: ${target.records} records`)
  if (!records) return fail('records', 'the trees differ, and the statement does not say in what', DISTRUST)
  const { same, added, changed, goneCount } = records
  const seen = `${same} records are the same, ${added} were added on the target, ${changed} changed there, ${goneCount} only the source has`
  return goneCount === 0
    ? pass('records', seen)
    : warn('records', seen, 'they were deleted on the target, or lost: `records.gone` names them')
}

const checkVerdict = ({ complete, checks, blobs }: Statement): Check => {
  const failed = checks.filter(({ level }) => level === 'fail').map(({ id }) => id)
  if (complete !== (failed.length === 0))
    return fail('verdict', 'the statement’s verdict does not follow from its checks', DISTRUST)
  if (complete && blobs.missingCount > 0)
    return fail('verdict', `it says complete, and ${blobs.missingCount} blobs are missing`, DISTRUST)
  return complete
    ? pass('verdict', `complete: ${blobs.present} of ${blobs.referenced} blobs there, ${blobs.hashed} hashed`)
    : fail('verdict', `not complete: ${failed.join(', ')}`, 'see `checks` of the statement')
}

/**
 * Checks a statement without asking anyone: the log from its genesis, each commit with a key that the log names, the
 * source's signature over all of it, and that its verdict follows. What stays the word of the person who ran `pds verify`, or
 * of the source that signed, are the counts of blobs: no server signs those.
 */
export async function checkStatement(signed: SignedStatement): Promise<Check[]> {
  const { statement } = signed
  const { did, source, target } = statement
  const { check, log } = await checkLog(statement)
  const keys = log && namedSigningKeys(log)
  const today = log?.head.data?.verificationMethods['atproto']
  return [
    check,
    ...(log ? [checkHead(statement, log)] : []),
    await checkCommit('target', did, target, keys, today),
    ...(source ? [await checkCommit('source', did, source, keys)] : []),
    checkTree(statement),
    await checkSignature(signed, keys),
    checkVerdict(statement),
  ]
}
