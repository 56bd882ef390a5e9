import { createRule } from '../../createRule.ts'
import type { Rule } from '../../types.ts'

const rule = createRule('deletion', ['source'])

export const REQUEST = 'com.atproto.server.requestAccountDelete'
export const DELETE = 'com.atproto.server.deleteAccount'
const STATUS = 'https://atproto.com/specs/account#hosting-status'

export const mailsCode = rule(
  'mails-code',
  'must',
  'The owner can ask for the code that a deletion takes.',
  `lexicon ${REQUEST}`,
)
export const onlyThatCode = rule(
  'only-that-code',
  'must',
  'The password deletes nothing with another code than the one that was mailed.',
  `lexicon ${DELETE}: InvalidToken`,
)
export const deletes = rule(
  'deletes',
  'must',
  'With password and code, the account is deleted.',
  `lexicon ${DELETE}`,
)
export const unread = rule('unread', 'must', 'What a deleted account had is read by nobody.', STATUS)
export const signedOut = rule(
  'signed-out',
  'must',
  'A deleted account does not sign in, and its sessions open nothing.',
  `${STATUS}; lexicon ${DELETE}`,
)
export const event = rule(
  'event',
  'must',
  'A deletion is told as #account: not active, with the status deleted.',
  'https://atproto.com/specs/sync#account-event-messages',
)

export const RULES: readonly Rule[] = [mailsCode, onlyThatCode, deletes, unread, signedOut, event]
