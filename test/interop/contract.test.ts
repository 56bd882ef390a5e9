/** The contract suite against the reference PDS: where its answers differ from what Cirrus must answer, and why. */
import { expect, it } from 'vitest'
import { failures, runContract, type Finding } from '../contract/run.ts'
import { startPlc } from '../support/plc.ts'
import { startReference, type Reference } from './support/reference.ts'

interface Difference {
  reason: string
  case: RegExp
  /** All methods unless given. */
  method?: RegExp
  got: RegExp
}

/** Each must occur: a difference that the reference has fixed is removed. */
const DIFFERENCES: Difference[] = [
  {
    reason:
      'Public reads of the account list look at no credential; in Cirrus a bad one is an error there too.',
    case: /Bearer|token|credential|Basic/,
    method: /sync\.(getRepoStatus|listRepos)$/,
    got: /^200 application\/json$/,
  },
  {
    reason: 'What only sessions open never compares a password: Basic is the wrong kind of credential there.',
    case: /^Basic with a wrong password$/,
    got: /^400 InvalidToken/,
  },
  {
    reason: 'What the admin opens too takes any broken Basic for a wrong password.',
    case: /^Basic that is not base64$/,
    method: /sync\.|createAccount$/,
    got: /^401 AuthenticationRequired/,
  },
  {
    reason: 'A refresh token is looked for as Bearer only: with Basic there is none.',
    case: /^Basic/,
    method: /\.(deleteSession|refreshSession)$/,
    got: /^401 AuthMissing/,
  },
  {
    reason: 'Broken JSON is named by the class of JSON.parse, a name that no lexicon declares.',
    case: /^a body that is (not JSON|not UTF-8|no object)$/,
    got: /^400 SyntaxError.*neither declared nor a standard error$/,
  },
  {
    reason:
      'Anyone may create an account, so the body is read without a credential; a Cirrus takes in its own DID only.',
    case: /^no credential$/,
    method: /\.createAccount$/,
    got: /^400 InvalidRequest/,
  },
  {
    reason: 'Service tokens are refused by names of their own, with 401.',
    case: /Bearer|token|credential/,
    method: /\.createAccount$/,
    got: /^401 BadJwt/,
  },
  {
    reason: 'A token that does not decode is a failure where service tokens are taken: a bug.',
    case: /^a Bearer/,
    method: /\.(uploadBlob|createAccount)$/,
    got: /^500 InternalServerError/,
  },
  {
    reason: 'A missing blob or block has no name of its own, although the lexicon declares one.',
    case: /^what is not there \((Blob|Block)NotFound\)$/,
    got: /^400 InvalidRequest/,
  },
  {
    reason: 'A deactivated account is told as 401, which clients take for an expired session.',
    case: /^writes nothing while deactivated$/,
    got: /^401 AccountDeactivated/,
  },
]

const differenceOf = (finding: Finding): Difference | undefined =>
  DIFFERENCES.find(
    (difference) =>
      difference.case.test(finding.case) &&
      difference.got.test(finding.got) &&
      (difference.method?.test(finding.method) ?? true),
  )

/** An account with a blob and two records. */
async function seeded(pds: Reference): Promise<{ did: string; identifier: string; password: string }> {
  const { agent, did, handle, password } = await pds.createAccount({ handle: 'contract.test' })
  const { data } = await agent.uploadBlob(new Uint8Array([1, 2, 3]), { encoding: 'image/png' })
  const embed = { $type: 'app.bsky.embed.images', images: [{ alt: '', image: data.blob }] }
  for (const text of ['one', 'two']) await agent.post({ text, embed })
  return { did, identifier: handle, password }
}

it('keeps every contract except as listed', async () => {
  await using plc = await startPlc()
  await using pds = await startReference({ plcUrl: plc.url })
  const { did, ...credentials } = await seeded(pds)
  const findings = await runContract({
    url: pds.url,
    did,
    write: true,
    credentials,
    only: (id) => !id.startsWith('com.cirrus.'),
  })
  const hit = new Set<Difference>()
  const unexplained = failures(findings).filter((finding) => {
    const difference = differenceOf(finding)
    if (difference) hit.add(difference)
    return difference === undefined
  })
  expect(unexplained).toEqual([])
  expect(DIFFERENCES.filter((difference) => !hit.has(difference)).map(({ reason }) => reason)).toEqual([])
  expect(findings.length).toBeGreaterThan(700)
})
