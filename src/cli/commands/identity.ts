import type { Client } from '../../client/index.ts'
import { createDidResolver } from '../../identity/did.ts'
import { IdentityError } from '../../identity/errors.ts'
import { outbound } from '../../outbound.ts'
import { createDirectory } from '../../plc/directory.ts'
import { orServerError, serverError } from '../serverErrors.ts'
import { command, type Context } from '../command.ts'
import { CliError, EXIT } from '../errors.ts'
import { plain, table } from '../output.ts'
import { stateOf, unsubmittedText, type Status } from '../status.ts'

/** What the network says, asked from here and not through the server. */
const lookUp = async (context: Context, did: string) => {
  const { dev, plcUrl } = context.where()
  const send = outbound({ fetch: context.io.fetch }, { dev })
  const plc = createDirectory(send, plcUrl)
  try {
    const document = await createDidResolver({ send, directory: plc, dev })(did)
    return { document, log: did.startsWith('did:plc:') ? await plc.log(did) : undefined }
  } catch (cause) {
    if (cause instanceof IdentityError) {
      const code = cause.code === 'Unavailable' ? 'directory-unavailable' : 'did-not-found'
      throw new CliError(code, plain(cause.message), { cause })
    }
    throw serverError(cause)
  }
}

const voidOperation = async ({ prompts, out }: Context, server: Client, status: Status): Promise<void> => {
  if (status.unsubmitted.length > 0) {
    out.note(`Signed, not sent:\n${unsubmittedText(status)}`)
    await prompts.confirm('Send an operation with unchanged data, so that these can never be sent?')
  }
  const done = await orServerError(server.com.cirrus.admin.voidPlcOperation())
  const text = [
    `Voided: ${done.voided.join(', ')}`,
    `New head: ${done.head}`,
    'Next: migration tokens name the old head; mint another to move.',
  ]
  out.result({ ok: true, ...done }, text.join('\n'))
}

export const identity = command({
  name: 'identity',
  summary: 'What the DID document and the PLC directory say now. --void: undo a signed, unsent operation.',
  description:
    'Asks the network directly. Exits with 3 when an active account’s DID names another server or another key.',
  flags: {
    void: { type: 'boolean', help: 'Make a signed but unsubmitted PLC operation worthless.' },
  },
  async run(context, flags) {
    const { out, where } = context
    const server = await context.admin()
    const status = await orServerError(server.com.cirrus.admin.getStatus())
    if (flags.void) {
      await voidOperation(context, server, status)
      return EXIT.ok
    }
    const { document, log } = await lookUp(context, status.did)
    const ours = await orServerError(server.com.atproto.identity.getRecommendedDidCredentials())
    const keys = new Set(ours.rotationKeys ?? [])
    const signing: unknown = Object.entries(ours.verificationMethods ?? {}).find(
      ([id]) => id === 'atproto',
    )?.[1]
    const here = document.pds === where().origin
    const ourKey = document.signingKey === signing
    const rotation = log?.head.data?.rotationKeys ?? []
    const rows: [string, string][] = [
      ['DID', status.did],
      [
        'Handle',
        document.handle
          ? `${plain(document.handle)}${document.handle === status.handle ? '' : ` (here ${plain(status.handle)})`}`
          : 'none',
      ],
      ['PDS', `${plain(document.pds ?? 'none')}${here ? ' (this server)' : ' (not this server)'}`],
      [
        'Signing key',
        `${document.signingKey ?? 'none'}${ourKey ? ' (this server’s)' : ' (not this server’s)'}`,
      ],
      [
        'Rotation keys',
        rotation
          .map((key, n) => `${n + 1}. ${plain(key)}${keys.has(key) ? ' (known to this server)' : ''}`)
          .join('\n'),
      ],
      ['Head', log ? `${log.head.cid}, ${new Date(log.head.createdAt).toISOString()}` : ''],
      ['Operations', log ? String(log.entries.length) : ''],
      ['Signed, not sent', unsubmittedText(status)],
    ]
    if (status.identity.recoverable === false)
      out.warn('no recovery key of yours stands above this server’s rotation key.', 'no-recovery-key')
    const active = stateOf(status) === 'active' || stateOf(status) === 'moved'
    const ok = !active || (here && ourKey)
    if (!ok)
      out.warn(
        'the DID does not name this server with its present key, but the account is active here.',
        'identity-amiss',
      )
    out.result(
      {
        ok,
        did: status.did,
        pds: document.pds,
        here,
        signingKey: document.signingKey,
        rotationKeys: rotation,
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
