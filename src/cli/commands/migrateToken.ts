import { outbound } from '../../outbound.ts'
import { isScope } from '../../signing/scope.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { CliError } from '../errors.ts'
import type { Output } from '../terminal/output.ts'
import { SCOPE_MEANINGS, parseScopes } from '../scopes.ts'
import { describeTarget, refuseSelf, type Target } from '../servers/target.ts'
import { getStatus, unsubmittedText, type Status } from '../servers/status.ts'

/**
 * Nothing shows whose a DID is that does not name its host. `--yes` does not cover it: either somebody answers, or
 * `--target-did` names the DID.
 */
const confirmDid = async (
  { out, prompts }: Context,
  { origin, did, isOwnDid }: Target,
  expected: string | undefined,
): Promise<void> => {
  const says = `${origin} says that its service DID is ${did}`
  if (expected !== undefined) {
    if (expected === did) return
    throw new CliError('target-did', `${says}, and --target-did is ${expected}`)
  }
  if (isOwnDid) return
  const what = `${says}, which does not name that host`
  out.warn(`${what}: the token opens the account to the one who has that DID.`, 'target-did')
  const next = `ask the target’s operator for its service DID; if it is that one, add --target-did ${did}`
  await prompts.insist(`Mint a token for ${origin} as ${did}?`, new CliError('target-did', what, { next }))
}

const targetOf = async (context: Context, input: string, did: string | undefined): Promise<Target> => {
  const { origin, dev } = context.address()
  const send = outbound({ fetch: context.io.fetch }, { dev })
  const target = await describeTarget(input, send, dev)
  const self = await orServerError(context.anyone().com.atproto.server.describeServer())
  refuseSelf(target, { origin, did: self.did })
  await confirmDid(context, target, did)
  return target
}

const warn = (out: Output, status: Status, scope: readonly string[], target: Target | undefined): void => {
  const { identity } = status
  const signs = scope.includes('plc:sign')
  if (signs && identity.recoverable === false)
    out.warn(
      'the DID has no recovery key of yours above this server’s rotation key: once the target has rotated the DID, the move cannot be undone.',
      'no-recovery-key',
    )
  if (identity.movedAway)
    out.warn(
      `the DID already names ${identity.pds ?? 'another PDS'}: nothing is left to sign here.`,
      'did-elsewhere',
    )
  if (status.unsubmitted.length > 0)
    out.warn(
      `an operation was signed and not submitted; it is valid until the head changes:\n  ${unsubmittedText(status)}\n  \`pds identity --void\` makes it worthless.`,
    )
  if (signs && !target)
    out.note(
      'Without --target the token signs only together with a full session, for tools that ask you to paste it.',
    )
}

const minutesUntil = (expiresAt: string, now: number): string => {
  const left = Math.round((Date.parse(expiresAt) - now) / 60_000)
  return `${left} minute${left === 1 ? '' : 's'}`
}

export const migrateToken = command({
  name: 'migrate-token',
  summary: 'Mint a token, valid for 15 minutes, with which another PDS moves the account.',
  description:
    'stdout has only the token; stderr says what it allows, until when, and what to do next.\n' +
    'Anyone who has it can read the whole account: give it to the target and to nobody else.',
  flags: {
    target: {
      type: 'string',
      hint: 'url|did',
      help: 'The PDS that the account moves to. Binds the token to it:\nonly its endpoint can be signed into the DID.',
    },
    'target-did': {
      type: 'string',
      hint: 'did',
      help: 'The target’s service DID, as its operator told you. Needed in a script\nif that DID is not the did:web of its host.',
    },
    scope: {
      type: 'string',
      hint: 'scope',
      multiple: true,
      help: `What the token allows; may be repeated. Default: all but account:deactivate.\n${Object.entries(
        SCOPE_MEANINGS,
      )
        .map(([name, meaning]) => `${name}: ${meaning}`)
        .join('\n')}`,
    },
  },
  examples: [
    'pds migrate-token --target https://pds.example.com',
    'pds migrate-token --target https://pds.example.com | pbcopy',
    'pds migrate-token --scope repo:read --scope blob:read',
  ],
  async run(context, flags) {
    const { out, io } = context
    const scope = parseScopes(flags.scope)
    if (flags['target-did'] !== undefined && flags.target === undefined)
      throw new CliError('usage', '--target-did is given without --target', { next: 'add --target <url>' })
    const server = await context.admin()
    const target =
      flags.target === undefined ? undefined : await targetOf(context, flags.target, flags['target-did'])
    const status = await getStatus(server)
    const minted = await orServerError(
      server.com.cirrus.admin.createMigrationToken({
        ...(target ? { audience: target.did, target: target.origin } : {}),
        ...(scope ? { scope } : {}),
      }),
    )
    const canMove = minted.scope.includes('account:create') || minted.scope.includes('plc:sign')
    const next = [
      target
        ? `give the token to the import of ${target.origin}`
        : 'give the token to the target’s import, or to your migration tool',
      ...(canMove ? ['when the DID names the target (`pds status`), run `pds deactivate`'] : []),
      'if it gets into the wrong hands: `pds revoke-tokens`',
    ]
    out.note(`Migration token of ${status.handle} (${status.did})`)
    out.note(`  for     ${target ? `${target.origin} (${target.did})` : `any tool, as ${minted.audience}`}`)
    out.note(`  until   ${minted.expiresAt}, ${minutesUntil(minted.expiresAt, io.now())} from now`)
    const width = Math.max(...minted.scope.map((name) => name.length))
    for (const [n, name] of minted.scope.entries())
      out.note(
        `  ${n === 0 ? 'allows' : '      '}  ${name.padEnd(width)}  ${isScope(name) ? SCOPE_MEANINGS[name] : ''}`.trimEnd(),
      )
    warn(out, status, minted.scope, target)
    out.note(`Next:\n${next.map((line, n) => `  ${n + 1}. ${line}`).join('\n')}`)
    out.result(
      { ok: true, ...minted, did: status.did, ...(target ? { target: target.origin } : {}), next },
      minted.token,
    )
  },
})
