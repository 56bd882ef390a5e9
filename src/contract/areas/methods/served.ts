import type { Area, Profile, Rule } from '../../types.ts'

const GUIDE = 'https://atproto.com/guides/account-migration'

interface Part {
  readonly rule: Rule
  readonly methods: readonly string[]
}

const part = (profile: Profile, sentence: string, source: string, methods: readonly string[]): Part => ({
  rule: { id: `served.${profile}`, sentence, level: 'must', source, profiles: [profile] },
  methods,
})

/** What an account can not do without, for each thing that one wants to know. */
const PARTS: readonly Part[] = [
  part('source', 'The server has every method by which an account leaves.', GUIDE, [
    'com.atproto.identity.requestPlcOperationSignature',
    'com.atproto.identity.signPlcOperation',
    'com.atproto.server.checkAccountStatus',
    'com.atproto.server.createSession',
    'com.atproto.server.deactivateAccount',
    'com.atproto.server.describeServer',
    'com.atproto.server.getServiceAuth',
    'com.atproto.sync.getBlob',
    'com.atproto.sync.getLatestCommit',
    'com.atproto.sync.getRepo',
    'com.atproto.sync.getRepoStatus',
    'com.atproto.sync.listBlobs',
  ]),
  part('target', 'The server has every method by which an account moves in.', GUIDE, [
    'com.atproto.identity.getRecommendedDidCredentials',
    'com.atproto.identity.submitPlcOperation',
    'com.atproto.repo.importRepo',
    'com.atproto.repo.listMissingBlobs',
    'com.atproto.repo.uploadBlob',
    'com.atproto.server.activateAccount',
    'com.atproto.server.checkAccountStatus',
    'com.atproto.server.createAccount',
    'com.atproto.server.createSession',
    'com.atproto.server.describeServer',
  ]),
  part(
    'daily',
    'The server has every method of the PDS that apps call to sign in, read and write.',
    'https://docs.bsky.app/docs/advanced-guides/entryway; @atproto/api and goat call each of them',
    [
      'com.atproto.identity.resolveHandle',
      'com.atproto.repo.applyWrites',
      'com.atproto.repo.createRecord',
      'com.atproto.repo.deleteRecord',
      'com.atproto.repo.describeRepo',
      'com.atproto.repo.getRecord',
      'com.atproto.repo.listRecords',
      'com.atproto.repo.putRecord',
      'com.atproto.repo.uploadBlob',
      'com.atproto.server.createSession',
      'com.atproto.server.deleteSession',
      'com.atproto.server.describeServer',
      'com.atproto.server.getServiceAuth',
      'com.atproto.server.getSession',
      'com.atproto.server.refreshSession',
      'com.atproto.sync.getBlob',
      'com.atproto.sync.getLatestCommit',
      'com.atproto.sync.getRecord',
      'com.atproto.sync.getRepo',
      'com.atproto.sync.getRepoStatus',
      'com.atproto.sync.listRepos',
    ],
  ),
]

const preferences: Rule = {
  id: 'served.preferences',
  sentence: 'The preferences that apps keep on the PDS can be read and written.',
  level: 'should',
  source: `${GUIDE}#migrating-data: private preferences; bsky.app reads them at every start`,
  profiles: ['source', 'target', 'daily'],
}

/** Whether what one wants to do can be done at all. */
export const served: Area = {
  name: 'served',
  rules: [...PARTS.map(({ rule }) => rule), preferences],
  requests: () => 0,
  async check(run) {
    const tryOne = (rule: Rule, id: string): void => {
      // Not a part of the run, or of no document that was given.
      if (!run.wants(id)) return
      run.judge(
        rule,
        { subject: id, case: 'is served' },
        run.serves(id) ? undefined : 'the server does not have it',
        [],
      )
    }
    for (const { rule, methods } of PARTS) for (const id of methods) tryOne(rule, id)
    for (const name of ['getPreferences', 'putPreferences']) tryOne(preferences, `app.bsky.actor.${name}`)
  },
}
