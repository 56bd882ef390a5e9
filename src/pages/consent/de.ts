import type { Words } from './en.ts'

/** Scopes in German. */
export const de: Words = {
  groups: {
    control: 'Macht über dein Konto',
    private: 'Was sonst nur du siehst',
    write: 'Was die App in deinem Namen tut',
    read: 'Was die App sieht',
    not: 'Was die App nicht darf',
  },

  identity: {
    all: 'darf deine Identität und deinen Handle ändern: Zusammen mit einem Umzugs-Token von dir kann die App damit dein Konto wegziehen',
    handle: 'darf deinen Handle ändern, den Namen, unter dem man dich findet',
  },
  account: {
    email: 'kennt deine E-Mail-Adresse',
    emailManage:
      'kennt deine E-Mail-Adresse; sie darf um eine andere bitten, was dieser Server Apps aber nicht erlaubt',
    repo: 'darf lesen, wie dein Repository aufbewahrt wird',
    repoManage:
      'darf ein anderes Repository an die Stelle von deinem setzen: alles, was du veröffentlicht hast',
    status: 'sieht, ob dein Konto aktiv ist',
    statusManage: 'darf dein Konto deaktivieren: Bis du es wieder aktivierst, sieht es niemand',
  },
  who: 'weiß, welches Konto deines ist: seinen Handle und seine DID',

  actions: { create: 'anlegen', update: 'ändern', delete: 'löschen' },
  write: (actions, things) => `darf ${things} ${actions}`,
  everything:
    'alles in deinem Repository – Beiträge, Likes, Follows, dein Profil und was andere Apps dort ablegen –',
  collections: {
    'app.bsky.feed.post': 'Beiträge',
    'app.bsky.feed.like': 'Likes',
    'app.bsky.feed.repost': 'Reposts',
    'app.bsky.graph.follow': 'Follows',
    'app.bsky.graph.block': 'Blockierungen',
    'app.bsky.actor.profile': 'dein Profil',
    'app.bsky.actor.status': 'deinen Live-Status',
    'app.bsky.feed.threadgate': 'die Regeln für Antworten',
    'app.bsky.feed.postgate': 'die Regeln fürs Zitieren',
    'app.bsky.graph.list': 'Listen',
    'app.bsky.graph.listitem': 'Einträge von Listen',
    'app.bsky.graph.listblock': 'blockierte Listen',
    'app.bsky.graph.referencelistoptout': 'Abmeldungen von Listen',
    'app.bsky.graph.starterpack': 'Startpakete',
    'app.bsky.feed.generator': 'eigene Feeds',
    'app.bsky.graph.verification': 'Verifizierungen',
    'app.bsky.labeler.service': 'deinen Labeler',
    'app.bsky.actor.contentVisibilityDeclaration': 'die Sichtbarkeit deiner Beiträge',
    'app.bsky.notification.declaration': 'deine Einstellung für Benachrichtigungen anderer',
    'chat.bsky.actor.declaration': 'deine Einstellung für neue Nachrichten',
    'com.atproto.lexicon.schema': 'eigene Schemas',
  },

  upload: (types) => `darf ${types} hochladen`,
  types: {
    '*/*': 'Dateien jeder Art',
    'image/*': 'Bilder',
    'video/*': 'Videos',
    'audio/*': 'Tonaufnahmen',
    'text/*': 'Texte',
  },
  typed: (type) => `Dateien vom Typ ${type}`,

  messages: {
    read: 'darf deine Nachrichten lesen',
    write: 'darf Nachrichten senden und deine Unterhaltungen ändern',
  },
  services: {
    'did:web:api.bsky.app#bsky_appview': 'Bluesky',
    'did:web:api.bsky.chat#bsky_chat': 'dem Chat von Bluesky',
    '*': 'jedem Dienst',
  },
  rpc: {
    readSettings: (service) =>
      `darf deine Einstellungen bei ${service} lesen: gespeicherte Feeds, stummgeschaltete Wörter`,
    writeSettings: (service) => `darf deine Einstellungen bei ${service} ändern`,
    read: (service, areas) => `sieht, was du bei ${service} siehst: ${areas}`,
    write: (service, areas) => `darf bei ${service} für dich handeln: ${areas}`,
    report: (service) => `darf bei ${service} in deinem Namen Beiträge und Konten melden`,
    moderate: (service) => `darf bei ${service} in deinem Namen moderieren`,
    move: (service) =>
      `darf bei ${service} belegen, dass das Konto deines ist, damit es dort für einen Umzug angelegt werden kann`,
    other: (service, methods) => `darf bei ${service} in deinem Namen ${methods} benutzen`,
    everything: (service) => `darf bei ${service} alles in deinem Namen tun`,
    everythingButMessages:
      'darf bei jedem Dienst alles in deinem Namen tun, außer Nachrichten: lesen, was du dort siehst, deine Einstellungen ändern',
  },
  areas: {
    actor: 'Profile',
    bookmark: 'Lesezeichen',
    contact: 'Kontakte aus deinem Telefon',
    draft: 'Entwürfe',
    feed: 'Feeds und Beiträge',
    graph: 'Follows, Listen und Stummschaltungen',
    labeler: 'Labeler',
    notification: 'Benachrichtigungen',
    unspecced: 'was Bluesky gerade ausprobiert',
    video: 'Videos',
  },
  more: (count) => `${count} weitere Methoden`,
  include: (nsid) => `bekommt, was ${nsid} erlaubt; das ließ sich nicht lesen`,
  unknown: (scope) => `bittet um etwas, das dieser Server nicht kennt: ${scope}`,

  not: {
    messages: 'darf Nachrichten weder lesen noch senden',
    readMessages: 'darf deine Nachrichten nicht lesen',
    writeMessages: 'darf keine Nachrichten senden',
    identity: 'darf weder deinen Handle noch deine Identität ändern: Sie kann dein Konto nicht wegziehen',
    move: 'darf deine Identität nicht ändern: Sie kann dein Konto nicht wegziehen',
    email: 'erfährt deine E-Mail-Adresse nicht',
    status: 'darf dein Konto nicht deaktivieren',
    repo: 'darf kein anderes Repository an die Stelle von deinem setzen',
    write: 'darf nichts veröffentlichen und nichts ändern, was du veröffentlicht hast',
    ever: 'erfährt nie deine Passwörter und Passkeys und kann dein Konto nicht löschen',
  },
}
