/** What can be wrong with who may call a method, and with what the owner does, each with the rule that finds it. */
import { NOWHERE } from '../../../src/contract/discover.ts'
import { HANDLE } from '../../support/deployment.ts'
import { failsWith, on, type Planted, spoil } from '../repository/spoil.ts'
import type { Call, Fault } from '../repository/world.ts'
import {
  asAdmin,
  asOwner,
  bodyHas,
  despite,
  give,
  hasHeader,
  instead,
  isOfSession,
  isOfToken,
  isToRefresh,
  refuse,
} from './plant.ts'

const CODES = 'com.atproto.server.getAccountInviteCodes'
const APP_PASSWORDS = 'com.atproto.server.listAppPasswords'
const QUEUE = 'com.atproto.temp.checkSignupQueue'
const BLOCKS = 'com.atproto.sync.getBlocks'
const LIST_BLOBS = 'com.atproto.sync.listBlobs'
const JOURNAL = 'com.cirrus.admin.getJournal'
const CREATE_SESSION = 'com.atproto.server.createSession'
const DEACTIVATE = 'com.atproto.server.deactivateAccount'
const PREFERENCES = 'app.bsky.actor.getPreferences'
const PUT = 'com.atproto.repo.putRecord'
const APPLY = 'com.atproto.repo.applyWrites'

const HOUSE = {
  also: ['credentials.house-name'],
  because: 'a Cirrus promises the name of each refusal',
}

const SESSION = { accessJwt: 'a.b.c', refreshJwt: 'a.b.c', handle: HANDLE, did: NOWHERE.did }

/** Lets some callers in. */
const open = (id: string, when: (call: Call) => boolean, as: (call: Call) => Promise<Response>): Fault =>
  on(id, (call, answer) => (/^(GET|HEAD)$/.test(call.verb) && when(call) ? as(call) : answer()))
const isNobody = ({ headers }: Call): boolean => !headers.has('authorization')

const nobodySignsIn = (response: () => Response): Fault =>
  instead(CREATE_SESSION, bodyHas(`"${NOWHERE.handle}"`), response)

export const callerFaults: readonly Planted[] = [
  {
    name: 'a public read needs a credential',
    rule: 'reads.public',
    also: ['repo.blocks'],
    because: 'the suite reads blocks as anyone',
    fault: on(BLOCKS, async (call, answer) => {
      const given = await answer()
      if (given.status !== 200 || !isNobody(call) || call.verb === 'OPTIONS') return given
      const refusal = refuse(401, 'AuthMissing')
      return call.verb === 'HEAD' ? new Response(null, refusal) : refusal
    }),
  },
  {
    name: 'a valid read is refused',
    rule: 'reads.valid',
    fault: failsWith('com.cirrus.admin.getReach', () => refuse()),
  },
  {
    name: 'invite codes for anyone',
    rule: 'credentials.none-refused',
    ...HOUSE,
    fault: open(CODES, isNobody, asOwner),
  },
  {
    name: 'app passwords for anyone',
    rule: 'credentials.owner-only',
    ...HOUSE,
    fault: open(APP_PASSWORDS, isNobody, asOwner),
  },
  {
    name: 'a token without a signature opens',
    rule: 'credentials.forged-refused',
    ...HOUSE,
    fault: open(QUEUE, hasHeader(/^Bearer .*\.$/), asOwner),
  },
  {
    name: 'the signature of a token is not looked at',
    rule: 'credentials.forged-refused',
    ...HOUSE,
    fault: open(QUEUE, hasHeader(/^Bearer .*\.A+$/), asOwner),
  },
  {
    name: 'any admin password opens',
    rule: 'credentials.house-name',
    fault: open(JOURNAL, hasHeader(/^Basic (?!!)/), asAdmin),
  },
  {
    name: 'a bad token is ignored at a public read',
    rule: 'credentials.house-name',
    fault: on(LIST_BLOBS, (call, answer) =>
      hasHeader(/^Bearer garbage$/)(call) ? call.again(Object.fromEntries(call.params), '') : answer(),
    ),
  },
  {
    name: 'the body is looked at before the credential',
    rule: 'credentials.house-name',
    fault: instead(
      DEACTIVATE,
      (call) => call.verb === 'POST' && isNobody(call),
      () => refuse(),
    ),
  },
  {
    name: 'the session of the owner reads the journal',
    rule: 'credentials.house-weak',
    fault: open(JOURNAL, isOfSession, asAdmin),
  },
  {
    name: 'a refresh token is a session',
    rule: 'credentials.house-weak',
    fault: open(QUEUE, isToRefresh, asOwner),
  },
  {
    name: 'anyone signs in',
    rule: 'sign-in.refused',
    also: ['sign-in.401', 'sign-in.house-name'],
    because: 'what is not refused has neither status nor name',
    fault: nobodySignsIn(() => give(SESSION)),
  },
  {
    name: 'a wrong password is 400',
    rule: 'sign-in.401',
    also: ['sign-in.house-name'],
    because: 'a Cirrus promises the name, too',
    fault: nobodySignsIn(() => refuse()),
  },
  {
    name: 'a wrong password is a missing credential',
    rule: 'sign-in.house-name',
    fault: nobodySignsIn(() => refuse(401, 'AuthMissing')),
  },
  {
    name: 'preferences cannot be written',
    rule: 'calls.works',
    fault: failsWith('app.bsky.actor.putPreferences', () => refuse()),
  },
  {
    name: 'a record is replaced whatever it was',
    rule: 'calls.swap',
    also: ['writes.swap-record'],
    because: 'the same is tried with a version that never was',
    fault: despite(PUT, ['InvalidSwap'], bodyHas('"swapRecord"'), () =>
      give({ uri: `at://${NOWHERE.did}/com.example.contract/one`, cid: NOWHERE.cid }),
    ),
  },
  {
    name: 'a lost race is a bad request',
    rule: 'calls.swap-name',
    fault: despite(PUT, ['InvalidSwap'], bodyHas('"swapRecord"'), () => refuse()),
  },
  {
    name: 'what is deleted cannot be deleted',
    rule: 'calls.deletes-again',
    fault: spoil('com.atproto.repo.deleteRecord', async (answer) => {
      const text = await answer.text()
      return text.includes('"commit"') ? new Response(text, answer) : refuse()
    }),
  },
  {
    name: 'a field of newer clients is refused',
    rule: 'calls.unknown-fields',
    fault: instead(APPLY, bodyHas('contractSuiteUnknown'), () => refuse()),
  },
  {
    name: 'nothing is signed for the admin',
    rule: 'calls.house-works',
    fault: failsWith('com.cirrus.admin.signStatement', () => refuse()),
  },
  {
    name: 'a token to read the repository reads preferences',
    rule: 'calls.house-token-scope',
    fault: open(PREFERENCES, isOfToken, asOwner),
  },
]
