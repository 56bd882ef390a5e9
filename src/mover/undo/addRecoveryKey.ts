import { canonicalJson } from '../../canonicalJson.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import { PlcError } from '../../plc/errors.ts'
import { findSigner } from '../../plc/findSigner.ts'
import { keyRoles } from '../../plc/keyRoles.ts'
import { parseOperation } from '../../plc/parse.ts'
import type { Operation, PlcData, UnsignedOperation } from '../../plc/types.ts'
import { previewOperation, type PreviewLine } from '../identity/preview.ts'
import { unsignedOperation } from '../identity/unsignedOperation.ts'
import { directoryOf } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { sessionSource } from '../peers/passwordSource.ts'
import { signIn } from '../peers/session.ts'
import { moverFailure } from '../refusal.ts'
import { resolveWho } from '../resolveWho.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { Source } from '../source.ts'

export interface AddKeyRequest {
  /** The recovery key, as did:key: only its public half. */
  key: string
  /** A handle or a DID. */
  account: string
  /** Where the owner says that the account is; undefined: where the DID says. */
  origin: string | undefined
  owner: Owner
  deps: MoverDeps
  /** Shows the DID before and after. */
  show(lines: readonly PreviewLine[]): void
}

export interface AddedKey {
  did: string
  /** The rotation keys that the DID has now. */
  rotationKeys: readonly string[]
  /** The key was the first one before. */
  already: boolean
}

const planKey = (key: string, head: { cid: string; data: PlcData }): UnsignedOperation =>
  unsignedOperation(head, {
    ...head.data,
    rotationKeys: [...new Set([key, ...head.data.rotationKeys])],
  })

/** What the server signed, if it is what was agreed to; a difference is asked about. */
const compare = async (
  signed: unknown,
  {
    plan,
    before,
    source,
    owner,
    key,
  }: { plan: UnsignedOperation; before: PlcData; source: Source; owner: Owner; key: string },
): Promise<Operation> => {
  let operation: Operation
  try {
    operation = parseOperation(signed)
  } catch (cause) {
    if (!(cause instanceof PlcError)) throw cause
    throw new MoverError(
      'source-refused',
      `what ${source.name} signed is not an operation: ${cause.message}`,
      {
        cause,
      },
    )
  }
  const wrong = (what: string) =>
    new MoverError('source-refused', `the operation that ${source.name} signed ${what}; it was not submitted`)
  const { sig: _, ...unsigned } = operation
  if (operation.prev !== plan.prev) throw wrong('does not follow the DID’s newest one')
  if (operation.rotationKeys[0] !== key) throw wrong(`does not put ${key} first`)
  if ((await findSigner(operation, before.rotationKeys)) === undefined)
    throw wrong('is signed with none of the DID’s rotation keys')
  if (canonicalJson(unsigned) === canonicalJson(plan)) return operation
  const lines = diffOperation(plan, unsigned).map(({ text }) => text)
  const refused = new MoverError(
    'operation-differs',
    `the operation that ${source.name} signed differs from the one that was shown, and was not submitted: ${lines.join('; ')}`,
  )
  const agreed = await owner
    .answer('confirm', {
      topic: 'differences',
      question: 'Submit the operation with these differences?',
      lines: [`${source.name} signed something else than what was shown. Compared with it:`, ...lines],
      insists: true,
    })
    .catch((cause: unknown) => {
      throw cause instanceof MoverError && cause.code === 'not-confirmed' ? refused : cause
    })
  if (!agreed) throw refused
  return operation
}

/**
 * Puts a recovery key of the owner above every other rotation key of an account on any PDS, which signs it with its own
 * rotation key, for a mailed code. The operation goes to the directory from here. May be repeated.
 */
export async function addRecoveryKey(request: AddKeyRequest): Promise<AddedKey> {
  const { key, owner, deps, show } = request
  const { did, head, pds } = await resolveWho(request.account, request.origin, deps)
  if (!head) throw new MoverError('directory-refused', `${did} has no rotation keys: it is not a did:plc`)
  const { data } = head
  if (data.rotationKeys[0] === key) return { did, rotationKeys: data.rotationKeys, already: true }
  const origin = request.origin ?? pds
  if (origin === undefined || (pds !== undefined && origin !== pds))
    throw new MoverError('not-its-pds', `${did} is on ${pds ?? 'no PDS'}, not on ${origin ?? 'another'}`)
  const plan = planKey(key, head)
  const password = await owner.answer('sourcePassword', { origin, identifier: request.account })
  const client = await signIn({ origin, identifier: did, password }, { owner, deps }).catch(
    (cause: unknown) => {
      throw moverFailure(cause, 'source', { '*': 'source-sign-in' })
    },
  )
  const source = await sessionSource(client, { did }, deps)
  try {
    const lines = previewOperation({
      before: data,
      after: plan,
      roles: keyRoles(plan.rotationKeys, {
        owner: [key],
        target: { named: (await source.namedKeys()) ?? [] },
      }),
      names: { source: 'another server’s', target: 'the server’s' },
    })
    show(lines)
    const question = `Have ${source.name} sign this, and send it to the PLC directory? ${source.kind === 'cirrus' ? 'It takes a migration token for that' : 'It mails you a code for that'}.`
    const shown = lines.map(({ kind, text }) => `${kind}: ${text}`)
    const agreed = await owner.answer('confirm', {
      topic: 'operation',
      question,
      lines: shown,
      insists: false,
    })
    if (!agreed) throw new MoverError('not-confirmed', 'the answer was no: nothing was signed')
    const send = async () => await source.requestCode?.()
    const code = await owner.answer('plcCode', {
      origin,
      sentAt: undefined,
      send,
      ...(source.kind === 'cirrus' ? { token: {} } : {}),
    })
    const signed = await source.sign(plan, code.trim())
    const operation = await compare(signed, { plan, before: data, source, owner, key })
    await directoryOf(deps)
      .submit(did, operation)
      .catch((cause: unknown) => {
        throw moverFailure(cause, 'source')
      })
    return { did, rotationKeys: operation.rotationKeys, already: false }
  } finally {
    await source.end()
  }
}
