/** Scopes in English. `Words` is its type: a text that another language lacks does not compile. */
export const en = {
  groups: {
    control: 'Control of your account',
    private: 'What otherwise only you can see',
    write: 'What the app does in your name',
    read: 'What the app sees',
    not: 'What the app may not do',
  },

  identity: {
    all: 'may change your identity and your handle: together with a migration token from you, this lets the app move your account away',
    handle: 'may change your handle, the name by which people find you',
  },
  account: {
    email: 'knows your e-mail address',
    emailManage: 'knows your e-mail address; it may ask to change it, which this server does not let apps do',
    repo: 'may read how your repository is kept',
    repoManage: 'may put another repository in the place of yours: everything that you have posted',
    status: 'sees whether your account is active',
    statusManage: 'may deactivate your account: until you activate it again, nobody sees it',
  },
  who: 'knows which account is yours: its handle and its DID',

  actions: { create: 'create', update: 'change', delete: 'delete' },
  write: (actions: string, things: string) => `may ${actions} ${things}`,
  everything:
    'everything in your repository: posts, likes, follows, your profile and what other apps keep there',
  /** What people know best comes first, also where they are listed. */
  collections: {
    'app.bsky.feed.post': 'posts',
    'app.bsky.feed.like': 'likes',
    'app.bsky.feed.repost': 'reposts',
    'app.bsky.graph.follow': 'follows',
    'app.bsky.graph.block': 'blocks',
    'app.bsky.actor.profile': 'your profile',
    'app.bsky.actor.status': 'your live status',
    'app.bsky.feed.threadgate': 'the rules for replying to you',
    'app.bsky.feed.postgate': 'the rules for quoting you',
    'app.bsky.graph.list': 'lists',
    'app.bsky.graph.listitem': 'members of lists',
    'app.bsky.graph.listblock': 'blocked lists',
    'app.bsky.graph.referencelistoptout': 'opt-outs from lists',
    'app.bsky.graph.starterpack': 'starter packs',
    'app.bsky.feed.generator': 'feeds of your own',
    'app.bsky.graph.verification': 'verifications',
    'app.bsky.labeler.service': 'your labeler',
    'app.bsky.actor.contentVisibilityDeclaration': 'the visibility of your posts',
    'app.bsky.notification.declaration': 'your setting for who is told when you post',
    'chat.bsky.actor.declaration': 'your setting for who may message you',
    'com.atproto.lexicon.schema': 'schemas of your own',
  } as Readonly<Record<string, string>>,

  upload: (types: string) => `may upload ${types}`,
  types: {
    '*/*': 'files of every kind',
    'image/*': 'pictures',
    'video/*': 'videos',
    'audio/*': 'sound',
    'text/*': 'texts',
  } as Readonly<Record<string, string>>,
  typed: (type: string) => `files of the type ${type}`,

  messages: {
    read: 'may read your messages',
    write: 'may send messages, and change your conversations',
  },
  services: {
    'did:web:api.bsky.app#bsky_appview': 'Bluesky',
    'did:web:api.bsky.chat#bsky_chat': "Bluesky's chat",
    '*': 'any service',
  } as Readonly<Record<string, string>>,
  rpc: {
    readSettings: (service: string) => `may read your settings for ${service}: saved feeds, muted words`,
    writeSettings: (service: string) => `may change your settings for ${service}`,
    read: (service: string, areas: string) => `sees what you see with ${service}: ${areas}`,
    write: (service: string, areas: string) => `may act for you with ${service}: ${areas}`,
    report: (service: string) => `may report posts and accounts in your name to ${service}`,
    moderate: (service: string) => `may moderate in your name with ${service}`,
    move: (service: string) =>
      `may show ${service} that the account is yours, so that the account can be prepared there for a move`,
    other: (service: string, methods: string) => `may use ${methods} in your name with ${service}`,
    everything: (service: string) => `may do anything in your name with ${service}`,
    everythingButMessages:
      'may do anything in your name with any service, except for messages: read what you see there, change your settings',
  },
  /** Of the methods of Bluesky, by the third part of their names. */
  areas: {
    actor: 'profiles',
    bookmark: 'bookmarks',
    contact: 'contacts from your phone',
    draft: 'drafts',
    feed: 'feeds and posts',
    graph: 'follows, lists and mutes',
    labeler: 'labelers',
    notification: 'notifications',
    unspecced: 'what Bluesky is trying out',
    video: 'videos',
  } as Readonly<Record<string, string>>,
  more: (count: number) => `${count} more methods`,
  include: (nsid: string) => `is given what ${nsid} permits, which could not be read`,
  unknown: (scope: string) => `asks for something that this server does not know: ${scope}`,

  not: {
    messages: 'may neither read nor send messages',
    readMessages: 'may not read your messages',
    writeMessages: 'may not send messages',
    identity: 'may not change your handle or your identity: it cannot move your account away',
    move: 'may not change your identity: it cannot move your account away',
    email: 'does not learn your e-mail address',
    status: 'may not deactivate your account',
    repo: 'may not put another repository in the place of yours',
    write: 'may not post, or change anything that you have posted',
    ever: 'never learns your passwords and passkeys, and cannot delete your account',
  },
}

export type Words = typeof en
