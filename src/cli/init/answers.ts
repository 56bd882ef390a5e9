import { isValidDid, isValidHandle, normalizeHandle } from '@atproto/syntax'
import { isPublicKey } from '../../crypto/publicKey.ts'
import type { Values } from '../terminal/args.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import type { initFlags } from './flags.ts'

/**
 * The identity. `web`: did:web of the host name. `new`: a did:plc that is created now. `existing`: the DID of an
 * account that moves in.
 */
export type IdentityKind = 'web' | 'new' | 'existing'

/** What `pds init` has to know, from its flags or from the user. */
export interface Answers {
  hostname: string
  handle: string
  kind: IdentityKind
  /** Only with `existing`. */
  did?: string
  /** `generate` creates a key for the owner; otherwise the owner's public keys. */
  recovery: 'generate' | 'none' | string[]
}

const usage = (message: string) => new CliError('usage', message, { next: 'run `pds init --help`' })

export const checkHostname = (text: string): string | undefined =>
  /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/i.test(text) || /^localhost(:\d+)?$/.test(text)
    ? undefined
    : 'Give a host name such as pds.example.com, without https:// and without a path.'
const checkHandle = (text: string): string | undefined =>
  isValidHandle(text) ? undefined : 'Give a handle such as alice.example.com.'
const checkDid = (text: string): string | undefined =>
  /^did:plc:[a-z2-7]{24}$/.test(text) || (text.startsWith('did:web:') && isValidDid(text))
    ? undefined
    : 'Give a DID such as did:plc:ewvi7nxzyoun6zhxrhs64oiz.'
const checkKey = (text: string): string | undefined =>
  isPublicKey(text) ? undefined : 'Give a public key (k256 or P-256) as did:key:z…'

const checked = (value: string, flag: string, check: (value: string) => string | undefined): string => {
  const wrong = check(value)
  if (wrong) throw usage(`${flag} "${value}" is not valid. ${wrong}`)
  return value
}

type Given = Values<typeof initFlags>

const kindOf = async ({ prompts }: Context, given: Given, hostname: string): Promise<IdentityKind> => {
  const named = [given.web && 'web', given.new && 'new', given.did !== undefined && 'existing'].filter(
    (kind): kind is IdentityKind => typeof kind === 'string',
  )
  if (named.length > 1) throw usage('--web, --new and --did exclude each other')
  return (
    named[0] ??
    (await prompts.choose<IdentityKind>(
      'Which identity?',
      [
        { value: 'existing', label: 'An account that I have, which moves here', hint: 'it keeps its DID' },
        { value: 'new', label: 'A new did:plc', hint: 'it can always move to any PDS' },
        { value: 'web', label: `did:web:${hostname}`, hint: 'it depends on this host name for ever' },
      ],
      '--web, --new or --did <did>',
    ))
  )
}

const recoveryOf = async (
  { prompts, io }: Context,
  given: Given,
  kind: IdentityKind,
): Promise<Answers['recovery']> => {
  const keys = given['recovery-key']
  if (given['no-recovery-key'] && keys.length > 0)
    throw usage('--recovery-key and --no-recovery-key exclude each other')
  if (kind === 'web' || given['no-recovery-key']) return 'none'
  if (keys.length > 0) {
    if (keys.length > 4)
      throw usage('at most four recovery keys: a DID has at most five rotation keys, and one is Cirrus’s')
    return keys.map((key) => checked(key, '--recovery-key', checkKey))
  }
  if (!io.stdin.isTTY) return 'generate'
  const choice = await prompts.choose<'generate' | 'paste' | 'none'>(
    'Add a recovery key above Cirrus’s own, with which you can undo a move for 72 hours?',
    [
      { value: 'generate', label: 'Yes, create one', hint: 'saved in a file of its own' },
      { value: 'paste', label: 'Yes, I have one', hint: 'a public did:key' },
      { value: 'none', label: 'No', hint: 'anyone who gets this server’s key gets the DID' },
    ],
    '--recovery-key',
  )
  return choice === 'paste' ? [await prompts.text('Its public key, as did:key', { check: checkKey })] : choice
}

/**
 * Takes the answers from the flags, and asks for the others. It suggests those that are in `vars`, of wrangler.toml.
 */
export async function askAnswers(
  context: Context,
  given: Given,
  vars: Record<string, string>,
): Promise<Answers> {
  const { prompts } = context
  const suggested = (name: string) => vars[name] || undefined
  const hostname = checked(
    given.hostname ??
      (await prompts.text('Host name of this server', {
        placeholder: 'pds.example.com',
        ...(suggested('HOSTNAME') ? { initial: suggested('HOSTNAME') ?? '' } : {}),
        check: checkHostname,
        alternative: '--hostname',
      })),
    '--hostname',
    checkHostname,
  ).toLowerCase()
  const handle = normalizeHandle(
    checked(
      given.handle ??
        (await prompts.text('Handle of the account', {
          initial: suggested('HANDLE') ?? hostname,
          check: checkHandle,
          alternative: '--handle',
        })),
      '--handle',
      checkHandle,
    ),
  )
  const kind = await kindOf(context, given, hostname)
  const did =
    kind === 'existing'
      ? checked(
          given.did ?? (await prompts.text('Its DID', { placeholder: 'did:plc:…', check: checkDid })),
          '--did',
          checkDid,
        )
      : undefined
  return { hostname, handle, kind, ...(did ? { did } : {}), recovery: await recoveryOf(context, given, kind) }
}
