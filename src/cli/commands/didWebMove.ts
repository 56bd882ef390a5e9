import { connect } from '../../client/index.ts'
import { isPublicKey } from '../../crypto/publicKey.ts'
import { moverFailure } from '../../mover/refusal.ts'
import { describeServer } from '../../mover/peers/describeServer.ts'
import { recommendedData } from '../../mover/peers/plcData.ts'
import { endSession, signIn } from '../../mover/peers/session.ts'
import { PDS_ID } from '../../plc/build.ts'
import { command, type Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { moverDeps } from '../move/moveContext.ts'
import { createOwner } from '../move/owner.ts'
import { parseHost } from '../project/config.ts'
import { didWeb } from '../servers/didWeb.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { getStatus, type Status } from '../servers/status.ts'
import { CONFIRM_HANDLE, confirmHandle } from '../terminal/confirmHandle.ts'
import { diffText } from '../terminal/lineDiff.ts'

/** What did.json is to name. */
interface NewDocument {
  pds: string
  signingKey: string
  handle?: string
}

/** Refuses every DID whose document this host does not serve. */
const requireOwnDidWeb = ({ did }: Status, origin: string): void => {
  if (did.startsWith('did:plc:'))
    throw new CliError('not-did-web', `${did} is not a did:web`, {
      next: 'run `pds move --to <URL>`, which has an operation signed',
    })
  if (did.toLowerCase() !== didWeb(new URL(origin).host).toLowerCase())
    throw new CliError('not-did-web', `the document of ${did} is not served by ${origin}`, {
      next: 'edit /.well-known/did.json on that host: serviceEndpoint of #atproto_pds, and publicKeyMultibase of #atproto',
    })
}

/** Asks the target for its key, with the owner's session there. */
const askTarget = async (context: Context, target: string, identifier: string): Promise<NewDocument> => {
  const { plcUrl, dev } = context.address()
  const deps = moverDeps(context, { directoryUrl: plcUrl, dev })
  const owner = createOwner(context)
  const password = await owner.answer('targetPassword', { origin: target, handle: identifier })
  const client = await signIn({ origin: target, identifier, password }, { owner, deps }).catch(
    (cause: unknown) => {
      throw moverFailure(cause, 'target', { '*': 'sign-in-needed' })
    },
  )
  try {
    const { verificationMethods, alsoKnownAs, services } = await recommendedData(client)
    const handle = alsoKnownAs.find((name) => name.startsWith('at://'))?.slice('at://'.length)
    return {
      pds: services[PDS_ID]?.endpoint ?? target,
      signingKey: verificationMethods['atproto'] ?? '',
      ...(handle === undefined ? {} : { handle }),
    }
  } finally {
    await endSession(client, deps)
  }
}

/** The target must be a PDS that has the account: the document leads everybody there. */
const checkTarget = async (context: Context, target: string, did: string): Promise<void> => {
  const { plcUrl, dev } = context.address()
  await describeServer(target, moverDeps(context, { directoryUrl: plcUrl, dev }))
  const anyone = connect(target, { fetch: context.io.fetch })
  await anyone.com.atproto.sync.getRepoStatus({ did }).catch((cause: unknown) => {
    throw new CliError('copy-incomplete', `${target} does not say that it has the account ${did}`, {
      cause,
      next: `move the account there first: \`pds move --to ${target}\``,
    })
  })
}

const WARNING = (host: string, pds: string): string[] => [
  `From then on apps and relays ask ${pds}.`,
  `Make sure before that everything is there: \`pds verify --to ${pds}\`.`,
  'There is no undo and no 72 hours, as a did:plc has: no key can take it back. `pds did-web-move --back` can, as long as',
  `${host} is yours and this Worker serves it. What must stay, for as long as the account is to exist:`,
  `  the host name ${host}: who has it is you`,
  `  https://${host}/.well-known/did.json: this Worker, or the same file elsewhere`,
]

export const didWebMove = command({
  name: 'did-web-move',
  summary: 'Of a did:web under this host name: have its did.json name another PDS, or this one again.',
  description:
    'The last step of leaving with a did:web, in place of an operation of a did:plc: when everything is at the new\n' +
    'PDS, this server serves the document that names it, and goes on answering beside it.\n' +
    'The key comes from the new PDS, where you sign in, or from --signing-key (`atproto` of its\n' +
    'getRecommendedDidCredentials). It shows the document before and after, and asks for the handle.\n' +
    'There is no undo by a key, and no 72 hours: keep the host name, and keep serving did.json.',
  flags: {
    to: { type: 'string', hint: 'url', help: 'The new PDS.' },
    identifier: { type: 'string', hint: 'handle', help: 'The account there; by default its DID.' },
    'signing-key': { type: 'string', hint: 'did:key', help: 'Its key, in place of a sign-in there.' },
    back: { type: 'boolean', help: 'Have the document name this server again.' },
    ...CONFIRM_HANDLE,
  },
  examples: [
    'pds did-web-move --to https://new.example.com',
    'pds did-web-move --to https://new.example.com --signing-key did:key:zQ3sh… --confirm-handle alice.example.com',
    'pds did-web-move --back',
  ],
  async run(context, { to, identifier, 'signing-key': key, back, 'confirm-handle': given }) {
    const { out } = context
    if ((to === undefined) === !back)
      throw new CliError('usage', 'pds did-web-move: give --to <url> or --back', {
        next: 'run `pds did-web-move --help`',
      })
    if (key !== undefined && !isPublicKey(key))
      throw new CliError('usage', `--signing-key: ${JSON.stringify(key.slice(0, 100))} is not a did:key`)
    const { origin } = context.address()
    const { host } = new URL(origin)
    const admin = await context.admin()
    const status = await getStatus(admin)
    const { did, handle } = status
    requireOwnDidWeb(status, origin)
    let request: NewDocument | { back: true } = { back: true }
    if (to !== undefined) {
      const target = parseHost(to, '--to')
      await checkTarget(context, target, did)
      request =
        key === undefined
          ? await askTarget(context, target, identifier ?? did)
          : { pds: target, signingKey: key }
    }
    const { updateDidWeb } = admin.com.cirrus.admin
    const { before, after } = await orServerError(updateDidWeb({ ...request, preview: true }))
    const [old, next] = [before, after].map((document) => JSON.stringify(document, null, 2))
    if (old === next) {
      out.result({ ok: true, did, already: true, document: after }, `did.json says so already.`)
      return EXIT.ok
    }
    out.note(`https://${host}/.well-known/did.json:`)
    const colours = { '+': 'green', '-': 'red', ' ': 'dim' } as const
    out.note(diffText(old ?? '', next ?? '', ({ sign }, text) => out.paint(colours[sign], text)))
    const pds = 'pds' in request ? request.pds : origin
    if (to !== undefined) for (const line of WARNING(host, pds)) out.note(line)
    await confirmHandle(context, { given, handle, to: `have did.json name ${pds}` })
    await orServerError(updateDidWeb(request))
    const { next: command } = await getStatus(admin)
    out.result(
      { ok: true, did, pds, document: after, next: command },
      `https://${host}/.well-known/did.json names ${pds}.\nNext: ${command}`,
    )
    return EXIT.ok
  },
})
