/** What can be wrong with the codes that a server mails, and with what they confirm, each with the rule that finds it. */
import { NOWHERE } from '../../../src/contract/discover.ts'
import { json, refusal } from '../../mover/fakes/network.ts'
import type { CallHook, FakeCall } from '../../mover/fakes/types.ts'
import type { Planted } from '../repository/spoil.ts'
import type { MailWorld } from './mailWorld.ts'

export const REQUEST_SIGNATURE = 'com.atproto.identity.requestPlcOperationSignature'
export const SIGN = 'com.atproto.identity.signPlcOperation'
export const REQUEST_DELETION = 'com.atproto.server.requestAccountDelete'
export const DELETE = 'com.atproto.server.deleteAccount'

/** A server that does one thing wrong. */
export interface MailFault extends Pick<Planted, 'name' | 'rule' | 'also' | 'because'> {
  plant(world: MailWorld): void
}

/** Answers the owner in place of the server. */
export const instead = (id: string, answer: (call: FakeCall) => Response | undefined): CallHook => ({
  before: (call) => (call.method === id && call.sent.headers.has('authorization') ? answer(call) : undefined),
})

const hooked = (hook: CallHook): Pick<MailFault, 'plant'> => ({
  plant: ({ pds }) => void pds.hooks.unshift(hook),
})

export const isMadeUp = (call: FakeCall): boolean => call.input()['token'] === 'AAAAA-BBBBB'

/** Answers so once the account is deleted. */
const goesOn = (id: string, given: object): Pick<MailFault, 'plant'> =>
  hooked({
    before: ({ method, pds }) =>
      method === id && pds.calls.has(DELETE) && pds.accounts.size === 0 ? json(given) : undefined,
  })

const tells = (told: object): Pick<MailFault, 'plant'> => ({ plant: (world) => void (world.told = told) })

/** Signs what others want than the owner. */
const signsAs = (own: (world: MailWorld) => object): Pick<MailFault, 'plant'> => ({
  plant: (world) =>
    void world.pds.hooks.push({
      before(call) {
        const { input, method } = call
        if (method === SIGN) Object.assign(call, { input: () => ({ ...input(), ...own(world) }) })
        return undefined
      },
    }),
})

export const mailFaults: readonly MailFault[] = [
  {
    rule: 'signature.mails-code',
    name: 'no mail for a signature',
    ...hooked(instead(REQUEST_SIGNATURE, () => refusal(400, 'InvalidRequest'))),
  },
  {
    rule: 'signature.only-that-code',
    name: 'once a code is mailed, any signs',
    ...hooked(instead(SIGN, (call) => (isMadeUp(call) ? json({ operation: {} }) : undefined))),
  },
  {
    rule: 'signature.signs',
    name: 'the code of the mail does not sign',
    ...hooked(instead(SIGN, () => refusal(400, 'InvalidToken', 'Token is invalid'))),
  },
  {
    rule: 'signature.signs',
    name: 'an answer without an operation',
    ...hooked(instead(SIGN, (call) => (isMadeUp(call) ? undefined : json({})))),
  },
  {
    rule: 'signature.valid',
    name: 'the operation follows none of the log',
    ...hooked({
      async after({ method }, answer) {
        if (method !== SIGN || !answer.ok) return answer
        const { operation } = Object(await answer.json())
        return json({ operation: { ...operation, prev: NOWHERE.cid } })
      },
    }),
  },
  {
    rule: 'signature.as-asked',
    name: 'the server keeps its own rotation key',
    ...signsAs(({ pds }) => ({ rotationKeys: [pds.rotationKey.did()] })),
  },
  {
    rule: 'signature.not-sent',
    name: 'what was signed is in the directory',
    plant: ({ pds, directory }) =>
      void pds.hooks.push({
        async after({ method, account }, answer) {
          if (method === SIGN && answer.ok && account)
            await directory.submit(account.did, Object(await answer.clone().json()).operation)
          return answer
        },
      }),
  },
  {
    rule: 'signature.code-once',
    name: 'a code signs another operation',
    ...hooked(
      instead(SIGN, (call) =>
        Object(call.input()['alsoKnownAs']).length === 2 ? json({ operation: {} }) : undefined,
      ),
    ),
  },
  {
    rule: 'deletion.mails-code',
    name: 'no mail for a deletion',
    ...hooked(instead(REQUEST_DELETION, () => refusal(400, 'InvalidRequest'))),
  },
  {
    rule: 'deletion.only-that-code',
    name: 'the password deletes with any code',
    ...hooked(instead(DELETE, (call) => (isMadeUp(call) ? new Response(null, { status: 200 }) : undefined))),
  },
  {
    rule: 'deletion.deletes',
    name: 'each code has expired',
    ...hooked(instead(DELETE, () => refusal(400, 'ExpiredToken', 'Token is expired'))),
  },
  {
    rule: 'deletion.unread',
    name: 'the repository of a deleted account stays',
    ...goesOn('com.atproto.sync.getLatestCommit', { cid: NOWHERE.commit, rev: NOWHERE.rev }),
  },
  {
    rule: 'deletion.signed-out',
    name: 'a deleted account signs in',
    ...goesOn('com.atproto.server.createSession', {}),
  },
  {
    rule: 'deletion.signed-out',
    name: 'the session of a deleted account goes on',
    ...goesOn('com.atproto.server.getSession', {}),
  },
  { rule: 'deletion.event', name: 'a deletion is not told', ...tells({ did: NOWHERE.did }) },
  {
    rule: 'deletion.event',
    name: 'a deletion is told as a deactivation',
    ...tells({ active: false, status: 'deactivated' }),
  },
]
