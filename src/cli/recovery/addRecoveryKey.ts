import { resolve } from 'node:path'
import { isPublicKey } from '../../crypto/publicKey.ts'
import { addRecoveryKey as addElsewhere } from '../../mover/undo/addRecoveryKey.ts'
import { previewOperation } from '../../mover/identity/preview.ts'
import { keyRoles } from '../../plc/keyRoles.ts'
import { parseUnsignedOperation } from '../../plc/parse.ts'
import type { PlcData } from '../../plc/types.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { readRecoveryKeyFile } from '../files/recoveryKeyFile.ts'
import { createOwner } from '../move/owner.ts'
import { parseHost } from '../project/config.ts'
import { plcDirectory } from '../servers/plcDirectory.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { getStatus } from '../servers/status.ts'
import { previewText } from '../terminal/previewText.ts'
import { accountOf } from './recoveryContext.ts'

/** The public half of the key: given as it is, or that of its file. */
const publicKeyOf = async ({ io }: Context, given: string): Promise<string> => {
  if (given.startsWith('did:key:')) {
    if (isPublicKey(given)) return given
    throw new CliError('usage', `${given} is not a k256 or P-256 did:key`)
  }
  const file = resolve(io.cwd, given)
  const found = await readRecoveryKeyFile(file)
  if (found) return found.did
  throw new CliError('usage', `there is no file ${file}`, {
    next: 'make one: `pds recovery-key create <file>`',
  })
}

/** Shows what the DID is before and after, and asks. */
const agreeToKey = async (
  { out, prompts }: Context,
  {
    key,
    before,
    after,
    serverKeys,
  }: { key: string; before: PlcData; after: PlcData; serverKeys: readonly string[] },
): Promise<void> => {
  const all = [...new Set([...before.rotationKeys, ...after.rotationKeys])]
  const roles = keyRoles(all, { owner: [key], target: { named: serverKeys } })
  const lines = previewOperation({
    before,
    after,
    roles,
    names: { source: 'another server’s', target: 'the server’s' },
  })
  out.note(`The DID, with your recovery key first:\n${previewText(lines, out.paint)}`)
  const question = 'Have it signed, and submit it?'
  await prompts.confirm(out.json ? `${previewText(lines, (_, text) => text)}\n${question}` : question)
}

const reportAdded = (
  { out }: Context,
  key: string,
  rotationKeys: readonly string[],
  already: boolean,
): void =>
  out.result(
    { ok: true, key, rotationKeys, already },
    [
      already ? `${key} is the first rotation key already.` : `${key} is the first rotation key now.`,
      'It can undo for 72 hours what any other key signs. Undo operations that were signed before are worthless now.',
      'Next: before you move, `pds undo-op <file>` prepares the way back.',
    ].join('\n'),
  )

/** At the owner's Cirrus: its rotation key signs, and the operation that was shown is the one that is sent. */
const addHere = async (context: Context, key: string): Promise<void> => {
  const server = await context.admin()
  const { did, keys } = await getStatus(server)
  const add = (input: { preview?: boolean; operation?: string }) =>
    orServerError(server.com.cirrus.admin.addRecoveryKey({ key, ...input }))
  const shown = await add({ preview: true })
  if (shown.id === undefined) return reportAdded(context, key, shown.rotationKeys, true)
  const head = await plcDirectory(context)
    .head(did)
    .catch((cause: unknown) => {
      throw serverError(cause)
    })
  if (!head.data) throw new CliError('directory-refused', `${did} has been tombstoned`)
  const after = parseUnsignedOperation(shown.operation)
  if (after.prev !== head.cid)
    throw new CliError('operation-changed', 'the DID has changed while it was looked at')
  await agreeToKey(context, { key, before: head.data, after, serverKeys: keys ? [keys.rotationKey] : [] })
  const done = await add({ operation: shown.id })
  reportAdded(context, key, done.rotationKeys, false)
}

/** Puts the key above every other rotation key of the DID. May be repeated. */
export async function addRecoveryKey(
  context: Context,
  given: string,
  elsewhere: { from: string | undefined; identifier: string } | undefined,
): Promise<void> {
  const key = await publicKeyOf(context, given)
  if (!elsewhere) return await addHere(context, key)
  const { out } = context
  const { from, identifier } = elsewhere
  const { account, deps } = await accountOf(context, { identifier, from })
  const { rotationKeys, already } = await addElsewhere({
    key,
    account,
    origin: from === undefined ? undefined : parseHost(from, '--from'),
    owner: createOwner(context),
    deps,
    show: (lines) => out.note(`The DID, with your recovery key first:\n${previewText(lines, out.paint)}`),
  })
  reportAdded(context, key, rotationKeys, already)
}
