import type { Client } from '../../client/index.ts'
import { createDidResolver } from '../../identity/didResolver.ts'
import { IdentityError } from '../../identity/errors.ts'
import { outbound } from '../../outbound.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { table } from '../terminal/output.ts'
import { plcDirectory } from '../servers/plcDirectory.ts'
import { serverCredentials, signingKeyOf } from '../servers/serverCredentials.ts'
import { getStatus, stateOf, unsubmittedText, type Status } from '../servers/status.ts'

/** What the network says about the DID, asked from here and not through the server. */
const lookUp = async (context: Context, did: string) => {
  const { dev } = context.address()
  const send = outbound({ fetch: context.io.fetch }, { dev })
  const plc = plcDirectory(context)
  try {
    const document = await createDidResolver({ send, directory: plc, dev })(did)
    return { document, log: did.startsWith('did:plc:') ? await plc.log(did) : undefined }
  } catch (cause) {
    if (cause instanceof IdentityError) {
      const code = cause.code === 'Unavailable' ? 'directory-unavailable' : 'did-not-found'
      throw new CliError(code, cause.message, { cause })
    }
    throw serverError(cause)
  }
}

const voidOperation = async ({ prompts, out }: Context, server: Client, status: Status): Promise<void> => {
  if (status.unsubmitted.length > 0) {
    out.note(`Signed, not submitted:\n${unsubmittedText(status)}`)
    await prompts.confirm('Submit an operation with unchanged data, so that these can never be submitted?')
  }
  const done = await orServerError(server.com.cirrus.admin.voidPlcOperation())
  const text = [
    `Voided: ${done.voided.join(', ')}`,
    `New head: ${done.head}`,
    'Next: migration tokens name the old head; mint another one to move.',
  ]
  out.result({ ok: true, ...done }, text.join('\n'))
}

export const identity = command({
  name: 'identity',
  summary:
    'Show what the DID document and the PLC directory say. --void: make a signed, unsubmitted operation worthless.',
  description:
    'It asks the network directly. It exits with 3 if an active account’s DID names another server or another key.',
  flags: {
    void: { type: 'boolean', help: 'Make a signed, unsubmitted PLC operation worthless.' },
  },
  async run(context, flags) {
    const { out, address } = context
    const server = await context.admin()
    const status = await getStatus(server)
    if (flags.void) {
      await voidOperation(context, server, status)
      return EXIT.ok
    }
    const { document, log } = await lookUp(context, status.did)
    const credentials = await serverCredentials(server)
    const ownRotationKeys = new Set(credentials.rotationKeys ?? [])
    const here = document.pds === address().origin
    const ourKey = document.signingKey === signingKeyOf(credentials)
    const rotationKeys = log?.head.data?.rotationKeys ?? []
    const rows: [string, string][] = [
      ['DID', status.did],
      [
        'Handle',
        document.handle
          ? `${document.handle}${document.handle === status.handle ? '' : ` (here ${status.handle})`}`
          : 'none',
      ],
      ['PDS', `${document.pds ?? 'none'}${here ? ' (this server)' : ' (not this server)'}`],
      [
        'Signing key',
        `${document.signingKey ?? 'none'}${ourKey ? ' (this server’s)' : ' (not this server’s)'}`,
      ],
      [
        'Rotation keys',
        rotationKeys
          .map((key, n) => `${n + 1}. ${key}${ownRotationKeys.has(key) ? ' (known to this server)' : ''}`)
          .join('\n'),
      ],
      ['Head', log ? `${log.head.cid}, ${new Date(log.head.createdAt).toISOString()}` : ''],
      ['Operations', log ? String(log.entries.length) : ''],
      ['Not submitted', unsubmittedText(status)],
    ]
    if (status.identity.recoverable === false)
      out.warn('the DID has no recovery key of yours above this server’s rotation key.', 'no-recovery-key')
    const active = stateOf(status) === 'active' || stateOf(status) === 'moved'
    const ok = !active || (here && ourKey)
    if (!ok)
      out.warn(
        'the DID does not name this server with its current key, but the account is active here.',
        'identity-amiss',
      )
    out.result(
      {
        ok,
        did: status.did,
        pds: document.pds,
        here,
        signingKey: document.signingKey,
        rotationKeys,
        head: log?.head.cid,
        document: document.json,
        unsubmitted: status.unsubmitted,
      },
      table(
        rows.filter(([, value]) => value !== ''),
        out.paint,
      ),
    )
    return ok ? EXIT.ok : EXIT.problems
  },
})
