import type { Client } from '../../client/index.ts'
import { compareSigned } from '../../mover/identity/compareSigned.ts'
import { planMove } from '../../mover/identity/planMove.ts'
import { PDS_ID } from '../../plc/build.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import { parseServices, parseVerificationMethods } from '../../plc/parse.ts'
import type { PlcData, PlcHead } from '../../plc/types.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { plcDirectory } from '../servers/plcDirectory.ts'
import { serverCredentials } from '../servers/serverCredentials.ts'
import { previewText } from '../terminal/previewText.ts'
import type { LocalAccount } from './localAccount.ts'
import type { Source } from './source.ts'

const headOf = async (context: Context, did: string): Promise<PlcHead & { data: PlcData }> => {
  const head = await plcDirectory(context)
    .head(did)
    .catch((cause: unknown) => {
      throw serverError(cause)
    })
  const { data } = head
  if (!data) throw new CliError('directory-refused', `${did} has been tombstoned: it can never be used again`)
  return { ...head, data }
}

const wantedData = async (admin: Client): Promise<PlcData> => {
  const found = await serverCredentials(admin)
  return {
    rotationKeys: found.rotationKeys ?? [],
    alsoKnownAs: found.alsoKnownAs ?? [],
    verificationMethods: parseVerificationMethods(found.verificationMethods ?? {}),
    services: parseServices(found.services ?? {}),
  }
}

/**
 * The source's own rotation keys, as far as they are known. The DID's signing key is the source's, so it is one of them
 * if it is a rotation key as well, as on most Cirruses.
 */
const keysOfSource = async (source: Source, { data }: { data: PlcData }): Promise<string[]> => {
  const named = await source.rotationKeys()
  if (named) return named
  const { atproto } = data.verificationMethods
  return atproto === undefined ? [] : [atproto]
}

/**
 * A source proves that one key is its own, by signing with it. Of others it could say so to have the owner's keys
 * dropped, which `--yes` does not cover.
 */
const agreeToDrop = async (
  { globals, prompts }: Context,
  { origin }: Source,
  dropped: readonly string[],
): Promise<void> => {
  if (dropped.length < 2 || !globals.yes) return
  const what = `${origin} names ${dropped.length} of the DID’s rotation keys as its own, and they would be dropped: ${dropped.join(', ')}`
  await prompts.insist(
    `${what}. Is none of them yours?`,
    new CliError(
      'operation-differs',
      `${what}. Only the owner knows whether one of them is theirs; nothing was signed`,
      {
        next: 'put keys of your own into RECOVERY_KEYS of this server, which keeps them, and run the command in a terminal; --yes does not cover this',
      },
    ),
  )
}

/** Submits nothing that the user has not seen: a difference is asked about, and `--yes` does not cover it. */
const agreeToDifferences = async (
  { out, prompts }: Context,
  source: Source,
  differences: readonly string[],
): Promise<void> => {
  if (differences.length === 0) return
  const next = `read the differences; if you did not expect them, run \`pds identity --void\` on ${source.origin}, which makes the operation worthless, and mint no other token there`
  out.warn(
    `${source.origin} signed something else than what was agreed on. Compared with it:\n${differences.map((line) => `  ${line}`).join('\n')}\nIf you did not expect this, answer no, and run \`pds identity --void\` there.`,
    'operation-differs',
  )
  await prompts.insist(
    'Submit the operation with these differences?',
    new CliError(
      'operation-differs',
      `the operation that ${source.origin} signed differs from the one that was agreed on, and was not submitted: ${differences.join('; ')}`,
      { next },
    ),
  )
}

/**
 * The PLC step: the source signs the operation that the user has seen, what it signed is compared with that, and this
 * server submits it. If an interrupted run has left a signed operation that still follows the head, that one is compared
 * and submitted. Returns what the operation changes, as sentences.
 */
export async function rotate(
  context: Context,
  options: { source: Source; owner: Client; admin: Client; here: LocalAccount },
): Promise<string[]> {
  const { source, owner, admin, here } = options
  const { out } = context
  const { did, resume } = here
  const head = await headOf(context, did)
  const wanted = await wantedData(admin)
  const sourceKeys = await keysOfSource(source, head)
  // A Cirrus recommends the RECOVERY_KEYS that its owner has configured, and then its own key.
  const evidence = { owner: wanted.rotationKeys.slice(0, -1), source: { named: sourceKeys } }
  const plan = planMove({ head, wanted, evidence })
  const ask = async (): Promise<unknown> => {
    const title = `The operation that moves ${did}:`
    out.note(`${title}\n${previewText(plan.preview, out.paint)}`)
    const question = `Have ${source.origin} sign it, and submit it?`
    // With --json the notes are left out, but who is asked must see what about.
    await context.prompts.confirm(
      out.json ? [title, previewText(plan.preview, (_, text) => text), question].join('\n') : question,
    )
    await agreeToDrop(context, source, plan.dropped)
    const token = await source.plcToken()
    const { rotationKeys, alsoKnownAs, verificationMethods, services } = plan.operation
    const request = { token, rotationKeys, alsoKnownAs, verificationMethods, services: { ...services } }
    return (await source.orError(source.client.com.atproto.identity.signPlcOperation(request))).operation
  }
  const saved = (await resume.read()).operation
  const signed = saved?.prev === head.cid ? saved : await ask()
  const { operation, differences, signer } = await compareSigned(signed, {
    plan,
    keysBefore: head.data.rotationKeys,
    ours: wanted.rotationKeys,
  })
  await agreeToDifferences(context, source, differences)
  await resume.write({ operation })
  await orServerError(owner.com.atproto.identity.submitPlcOperation({ operation: { ...operation } }), {
    InvalidRequest: 'directory-refused',
  })
  if (operation.rotationKeys.includes(signer) && !wanted.rotationKeys.includes(signer))
    out.warn(
      `${source.origin} signed with the rotation key ${signer}, which the DID still has: it can go on changing the DID until an operation drops that key.`,
    )
  return diffOperation(head.data, operation).map(({ text }) => text)
}

/** For a did:web: what its document must say, as advice to its owner. */
export async function didWebAdvice(admin: Client): Promise<string> {
  const { verificationMethods, services } = await wantedData(admin)
  return `in its did.json set serviceEndpoint of #atproto_pds to ${services[PDS_ID]?.endpoint ?? '?'} and publicKeyMultibase of #atproto to ${(verificationMethods['atproto'] ?? '').replace('did:key:', '')}, then run the command again`
}
