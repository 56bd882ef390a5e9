import { createRule } from '../../createRule.ts'
import type { Rule } from '../../types.ts'

const ACCOUNT = 'https://atproto.com/specs/account'
const GUIDE = 'https://atproto.com/guides/account-migration'

const rule = createRule('lifecycle', ['source', 'target'])

export const DEACTIVATE = 'com.atproto.server.deactivateAccount'
export const ACTIVATE = 'com.atproto.server.activateAccount'
export const CHECK = 'com.atproto.server.checkAccountStatus'
export const STATUS = 'com.atproto.sync.getRepoStatus'

export const deactivates = rule(
  'deactivates',
  'must',
  'The owner can deactivate the account.',
  `lexicon ${DEACTIVATE}`,
)
export const says = rule(
  'says-so',
  'must',
  'getRepoStatus says that a deactivated account is not active, and why.',
  `${ACCOUNT}#hosting-status; lexicon ${STATUS}`,
)
export const publicReads = rule(
  'public-reads',
  'must',
  'The public cannot read the repository and blobs of a deactivated account.',
  `${ACCOUNT}#hosting-status`,
)
export const probes = rule(
  'probes',
  'must',
  'describeServer is answered while an account is deactivated.',
  `${GUIDE}: the server goes on answering for itself`,
)
export const handleProbe = rule(
  'handle-probe',
  'house',
  'The handle of a deactivated account still resolves.',
  'a Cirrus answers for the handle until the DID names another server: others would lose the account in between',
)
export const noWrites = rule(
  'no-writes',
  'must',
  'A deactivated account takes no record.',
  `${ACCOUNT}#hosting-status`,
)
export const refusalName = rule(
  'refusal-name',
  'should',
  'What a deactivated account refuses is named AccountDeactivated or RepoDeactivated.',
  '@atproto/api signs out on 401 ExpiredToken or InvalidToken, and apps show the error’s name',
)
export const ownerReads = rule(
  'owner-reads',
  'must',
  'The owner still signs in, and reads status and preferences of a deactivated account.',
  `${GUIDE}: the account’s state can be checked, and what is missing copied, at any time`,
)
export const comesBack = rule(
  'comes-back',
  'must',
  'An account that is activated again serves what it served before.',
  `lexicon ${ACTIVATE}; ${ACCOUNT}#hosting-status`,
)
export const events = rule(
  'events',
  'must',
  'Deactivation and activation are told as #account, the first with a status, the second before any #commit or #sync.',
  'https://atproto.com/specs/sync#account-event-messages',
)

export const RULES: readonly Rule[] = [
  deactivates,
  says,
  publicReads,
  probes,
  handleProbe,
  noWrites,
  refusalName,
  ownerReads,
  comesBack,
  events,
]
