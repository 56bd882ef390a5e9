import type { Client } from '../../client/index.ts'
import { PDS_ID } from '../../plc/build.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import { PlcError } from '../../plc/errors.ts'
import { parseOperation, parseServices, parseVerificationMethods } from '../../plc/parse.ts'
import type { Operation, PlcData, PlcHead } from '../../plc/types.ts'
import { orServerError, serverError } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { printable } from '../output.ts'
import { plcDirectory } from '../plcDirectory.ts'
import { serverCredentials } from '../serverCredentials.ts'
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

/** What the DID is to say after the move. */
interface Wanted {
  rotationKeys: string[]
  alsoKnownAs: string[]
  verificationMethods: Record<string, string>
  services: PlcData['services']
}

const wantedData = async (admin: Client): Promise<Wanted> => {
  const found = await serverCredentials(admin)
  return {
    rotationKeys: found.rotationKeys ?? [],
    alsoKnownAs: found.alsoKnownAs ?? [],
    verificationMethods: parseVerificationMethods(found.verificationMethods ?? {}),
    services: parseServices(found.services ?? {}),
  }
}

/**
 * Returns the operation that the source signed, or throws if it does not do what was asked. It must also keep this
 * server's rotation keys, so that the account can leave again.
 */
const checkSigned = (signed: unknown, head: PlcHead, wanted: Wanted): Operation => {
  const operation = (() => {
    try {
      return parseOperation(signed)
    } catch (cause) {
      if (!(cause instanceof PlcError)) throw cause
      throw new CliError('source-refused', `what the source signed is not an operation: ${cause.message}`, {
        cause,
      })
    }
  })()
  const wrong = (what: string) =>
    new CliError('source-refused', `the operation that the source signed ${what}; it was not submitted`, {
      next: 'do not mint another token for this source until you know why; `pds identity --void` there makes the operation worthless',
    })
  if (operation.prev !== head.cid) throw wrong('does not follow the DID’s current head')
  if (operation.services[PDS_ID]?.endpoint !== wanted.services[PDS_ID]?.endpoint)
    throw wrong('does not name this server')
  if (operation.verificationMethods['atproto'] !== wanted.verificationMethods['atproto'])
    throw wrong('does not name this server’s signing key')
  const missing = wanted.rotationKeys.find((key) => !operation.rotationKeys.includes(key))
  if (missing) throw wrong(`lacks the rotation key ${missing}`)
  return operation
}

const changeTexts = (before: PlcData, after: PlcData): string[] =>
  diffOperation(before, after).map(({ text }) => printable(text))

/**
 * The PLC step: the source signs an operation that makes the DID name this server, `pds` checks what was signed, and
 * this server submits it. If an interrupted run has left a signed operation that still follows the head, that one is
 * submitted. Returns what the operation changes, as sentences.
 */
export async function rotate(
  context: Context,
  options: { source: Source; owner: Client; admin: Client; here: LocalAccount },
): Promise<string[]> {
  const { source, owner, admin, here } = options
  const { did, resume } = here
  const head = await headOf(context, did)
  const wanted = await wantedData(admin)
  const saved = (await resume.read()).operation
  let operation = saved?.prev === head.cid ? saved : undefined
  if (!operation) {
    const after = {
      ...wanted,
      services: { ...head.data.services, ...wanted.services },
      verificationMethods: { ...head.data.verificationMethods, ...wanted.verificationMethods },
    }
    context.out.note(`The operation that moves ${did}:`)
    for (const line of changeTexts(head.data, after)) context.out.note(`  ${line}`)
    await context.prompts.confirm(`Have ${source.origin} sign it, and submit it?`)
    const token = await source.plcToken()
    const { rotationKeys, alsoKnownAs, verificationMethods, services } = wanted
    const signed = await source.orError(
      source.client.com.atproto.identity.signPlcOperation({
        token,
        rotationKeys,
        alsoKnownAs,
        verificationMethods,
        services: { ...services },
      }),
    )
    operation = checkSigned(signed.operation, head, wanted)
    await resume.write({ operation })
  }
  await orServerError(owner.com.atproto.identity.submitPlcOperation({ operation: { ...operation } }), {
    InvalidRequest: 'directory-refused',
  })
  return changeTexts(head.data, operation)
}

/** For a did:web: what its document must say, as advice to its owner. */
export async function didWebAdvice(admin: Client): Promise<string> {
  const { verificationMethods, services } = await wantedData(admin)
  return `in its did.json set serviceEndpoint of #atproto_pds to ${services[PDS_ID]?.endpoint ?? '?'} and publicKeyMultibase of #atproto to ${(verificationMethods['atproto'] ?? '').replace('did:key:', '')}, then run the command again`
}
