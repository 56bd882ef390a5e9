/** The PLC step: the source signs, we look at what it signed, we submit. */
import type { Client } from '../../client/index.ts'
import { outbound } from '../../outbound.ts'
import { PDS_ID } from '../../plc/build.ts'
import { diffOperation } from '../../plc/diff.ts'
import { createDirectory } from '../../plc/directory.ts'
import { PlcError } from '../../plc/errors.ts'
import { parseOperation, parseServices, parseVerificationMethods } from '../../plc/parse.ts'
import type { Operation, PlcData, PlcHead } from '../../plc/types.ts'
import { orServerError, serverError } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { plain } from '../output.ts'
import type { Here } from './account.ts'
import type { Source } from './source.ts'

const headOf = async (context: Context, did: string): Promise<PlcHead & { data: PlcData }> => {
  const { dev, plcUrl } = context.where()
  const head = await createDirectory(outbound({ fetch: context.io.fetch }, { dev }), plcUrl)
    .head(did)
    .catch((cause: unknown) => {
      throw serverError(cause)
    })
  const { data } = head
  if (!data) throw new CliError('directory-refused', `${did} has been tombstoned: it can never be used again`)
  return { ...head, data }
}

interface Wanted {
  rotationKeys: string[]
  alsoKnownAs: string[]
  verificationMethods: Record<string, string>
  services: PlcData['services']
}

const wantedHere = async (admin: Client): Promise<Wanted> => {
  const found = await orServerError(admin.com.atproto.identity.getRecommendedDidCredentials())
  return {
    rotationKeys: found.rotationKeys ?? [],
    alsoKnownAs: found.alsoKnownAs ?? [],
    verificationMethods: parseVerificationMethods(found.verificationMethods ?? {}),
    services: parseServices(found.services ?? {}),
  }
}

/** What the source gave back must do what was asked, and leave us able to leave again. */
const inspect = (signed: unknown, head: PlcHead, wanted: Wanted): Operation => {
  const operation = (() => {
    try {
      return parseOperation(signed)
    } catch (cause) {
      if (!(cause instanceof PlcError)) throw cause
      throw new CliError('source-refused', `what the source signed is no operation: ${cause.message}`, {
        cause,
      })
    }
  })()
  const wrong = (what: string) =>
    new CliError('source-refused', `the operation that the source signed ${what}; it was not submitted`, {
      next: 'mint no other token for this source before you know why; `pds identity --void` there makes it worthless',
    })
  if (operation.prev !== head.cid) throw wrong('does not follow the DID’s present head')
  if (operation.services[PDS_ID]?.endpoint !== wanted.services[PDS_ID]?.endpoint)
    throw wrong('does not name this server')
  if (operation.verificationMethods['atproto'] !== wanted.verificationMethods['atproto'])
    throw wrong('does not name this server’s signing key')
  const lacking = wanted.rotationKeys.find((key) => !operation.rotationKeys.includes(key))
  if (lacking) throw wrong(`lacks the rotation key ${lacking}`)
  return operation
}

const preview = (before: PlcData, after: PlcData): string[] =>
  diffOperation(before, after).map(({ text }) => plain(text))

/** Has the DID name this server. An operation that an interrupted run left is submitted, not signed anew. */
export async function rotate(
  context: Context,
  options: { source: Source; owner: Client; admin: Client; here: Here },
): Promise<string[]> {
  const { source, owner, admin, here } = options
  const { did, resume } = here
  const head = await headOf(context, did)
  const wanted = await wantedHere(admin)
  const kept = (await resume.read()).operation
  let operation = kept?.prev === head.cid ? kept : undefined
  if (!operation) {
    const after = {
      ...wanted,
      services: { ...head.data.services, ...wanted.services },
      verificationMethods: { ...head.data.verificationMethods, ...wanted.verificationMethods },
    }
    context.out.note(`The operation that moves ${did}:`)
    for (const line of preview(head.data, after)) context.out.note(`  ${line}`)
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
    operation = inspect(signed.operation, head, wanted)
    await resume.write({ operation })
  }
  await orServerError(owner.com.atproto.identity.submitPlcOperation({ operation: { ...operation } }), {
    InvalidRequest: 'directory-refused',
  })
  return preview(head.data, operation)
}

/** For a did:web: what its document must say. */
export async function didWebAdvice(admin: Client): Promise<string> {
  const { verificationMethods, services } = await wantedHere(admin)
  return `in its did.json set serviceEndpoint of #atproto_pds to ${services[PDS_ID]?.endpoint ?? '?'} and publicKeyMultibase of #atproto to ${(verificationMethods['atproto'] ?? '').replace('did:key:', '')}, then run it again`
}
