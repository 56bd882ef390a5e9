/** `pds-contract --mail`: how a person and a script give the codes, and what is said where they cannot. */
import { describe, expect, it } from 'vitest'
import { member, type Ran, type RunOptions } from '../support.ts'
import { ADDRESS, createMailWorld, type MailWorld } from '../../contract/mail/mailWorld.ts'
import { pdsContract } from './support.ts'

const CODE = 'ABCDE-FGHIJ'
const URL_ = 'https://pds.fake-pds.org'
const THROW_AWAY = ['--write', '--throw-away', '--email', ADDRESS]

/** Runs the signature, after which the account is deleted. Both codes of the server are the same. */
async function run(more: readonly string[], options: RunOptions = {}): Promise<Ran & { world: MailWorld }> {
  const world = await createMailWorld()
  world.pds.hooks.push({
    after({ account }, answer) {
      if (account?.plcCode !== undefined) account.plcCode = CODE
      if (account?.deletionCode !== undefined) account.deletionCode = CODE
      return answer
    },
  })
  const args = [URL_, '--only', 'signature', '--rate', '1000', '--plc', world.directory.origin]
  const ran = await pdsContract([...args, ...THROW_AWAY, ...more], { fetch: world.network.fetch, ...options })
  return { ...ran, world }
}

const isGone = ({ world }: { world: MailWorld }): boolean => world.pds.accounts.size === 0

describe('in a terminal', () => {
  it('each code is asked for, with the address and what it is for; an empty line is none', async () => {
    const ran = await run(['--mail'], { tty: true, stdin: `\r${CODE}\n${CODE}` })
    expect(ran.code, ran.stderr + ran.stdout).toBe(0)
    for (const what of ['for a PLC signature, which is sent nowhere', 'to delete the account that this run'])
      expect(ran.stderr.replaceAll(/\s+/g, ' ')).toContain(
        `pds.fake-pds.org mails a code to ${ADDRESS}, ${what}`,
      )
    expect(ran.stderr).toContain('Please give an answer.')
    expect(ran.stdout).toContain('Made and removed again')
    expect(ran.stdout).not.toContain('Left on the server')
    expect(ran.stdout).not.toContain(CODE)
    expect(isGone(ran)).toBe(true)
  })

  it('a code that is refused is asked for again, with the answer of the server', async () => {
    const ran = await run(['--mail'], { tty: true, stdin: `WRONG-CODE1\n${CODE}\n${CODE}` })
    expect(ran.code, ran.stderr + ran.stdout).toBe(0)
    expect(ran.stderr).toContain('The server has refused that code: 400 InvalidToken: Token is invalid.')
    expect(ran.stderr).toContain('The code of the newest mail')
    // No other mail is sent for it.
    expect(ran.stderr).not.toContain('another code')
    expect(isGone(ran)).toBe(true)
  })

  it('what is not a code is not sent', async () => {
    const ran = await run(['--mail'], {
      tty: true,
      stdin: `the code is lost\r${'\b'.repeat(20)}${CODE}\n${CODE}`,
    })
    expect(ran.stderr).toContain('That is not a code: a code has no spaces')
    expect(ran.code, ran.stderr + ran.stdout).toBe(0)
  })

  it('one may go on without a code: the run says what it could not try, and what stays', async () => {
    const ran = await run(['--mail', '--json'], { tty: true, stdin: 'skip\nskip' })
    expect(ran.code).toBe(1)
    expect(member(ran.json, 'incomplete')).toEqual([
      { area: 'signature', reason: 'skipped: no code was given' },
    ])
    expect(member(ran.json, 'left')).toEqual([
      expect.stringContaining('not deleted (skipped: no code was given), deactivated'),
    ])
  })

  it('Ctrl-C in a question ends the run, and nobody is asked again', async () => {
    const ran = await run(['--mail', '--json'], { tty: true, stdin: '\x03' })
    expect(ran.code).toBe(130)
    expect(ran.stderr).toContain('for a PLC signature')
    expect(ran.stderr).not.toContain('to delete the account')
    expect(member(ran.json, 'left')).toEqual([
      expect.stringContaining('not deleted (interrupted, so nobody was asked for the code), deactivated'),
    ])
  })
})

describe('without a terminal', () => {
  it('nothing is asked and nothing is made without a command', async () => {
    const ran = await run(['--mail'])
    expect(ran.code).toBe(4)
    expect(ran.stderr).toContain('there is no terminal to ask for the codes that are mailed')
    expect(ran.stderr).toContain('--mail-code-from')
    expect(ran.world.network.requests).toEqual([])
  })

  it('a command prints each code, and is told what it is for', async () => {
    const asked: Readonly<Record<string, string>>[] = []
    const ran = await run(['--mail-code-from', 'my mailbox', '--json'], {
      readFrom: async (line, { env }) => {
        asked.push({ line, ...env })
        return { code: 0, line: CODE }
      },
    })
    expect(ran.code, ran.stdout).toBe(0)
    expect(asked).toEqual(
      ['plc-signature', 'account-deletion'].map((purpose) => ({
        line: 'my mailbox',
        CONTRACT_CODE_FOR: purpose,
        CONTRACT_CODE_DID: expect.stringMatching(/^did:plc:/),
        CONTRACT_CODE_HANDLE: expect.stringMatching(/^contract-/),
        CONTRACT_CODE_SINCE: expect.stringMatching(/^\d{4}-.*Z$/),
      })),
    )
    expect(isGone(ran)).toBe(true)
    expect(ran.stdout).not.toContain(CODE)
  })

  it.for([
    ['exit 3', 'ended with exit code 3'],
    ['true', 'printed nothing'],
    ['echo; echo ABCDE-FGHIJ', 'printed nothing'],
    ['echo the code is lost', 'printed something that is not a code: a code has no spaces'],
    ['no-such-program-anywhere 2>&-', 'ended with exit code 127'],
  ] as const)('a command of the shell that goes wrong is named: %s', async ([command, why]) => {
    const ran = await run(['--mail-code-from', command, '--json'])
    expect(ran.code).toBe(1)
    expect(member(ran.json, 'incomplete', '0', 'reason')).toContain(why)
    expect(member(ran.json, 'left', '0')).toContain(`${why}`)
    expect(ran.stdout).not.toContain('lost')
  })

  it('a line of the shell is run, and its first line is the code', async () => {
    const ran = await run(['--mail-code-from', `test -n "$CONTRACT_CODE_FOR" && echo ${CODE} && echo more`])
    expect(ran.code, ran.stdout).toBe(0)
    expect(isGone(ran)).toBe(true)
  })
})

it.for([
  [['--mail'], '--mail goes with --write'],
  [['--mail', '--write', '--throw-away'], '--mail with --throw-away needs --email'],
  [['--write', '--throw-away', '--email', 'nobody'], '--email "nobody" is not an address'],
  [['--write', '--identifier', 'a.example.com', '--email', ADDRESS], '--email goes with --throw-away'],
  [['--write', '--identifier', 'a.example.com', '--mail-code-from', ' '], '--mail-code-from has no command'],
] as const)('a wrong command line is refused before anything is asked: %j', async ([args, message]) => {
  let asked = 0
  const counting: typeof fetch = async () => Response.json({ asked: (asked += 1) })
  const { code, stderr } = await pdsContract([URL_, ...args], { fetch: counting })
  expect([code, asked]).toEqual([2, 0])
  expect(stderr).toContain(message)
  expect(stderr).toContain('Next:')
})
