import type { Texts } from './en.ts'

/** What the pages say, in German. */
export const de: Texts = {
  language: 'Deutsch',
  languages: 'Sprache',
  skip: 'Zum Inhalt springen',
  servedBy: (host) => `${host} ist ein Cirrus: ein Server für ein einziges Konto.`,
  back: 'Zurück zum Konto',
  notSaid: 'keine Angabe',

  signIn: {
    title: 'Anmelden',
    continueTo: 'Melde dich an, um zu sehen, worum die App bittet. Dein Passwort bekommt sie nicht.',
    toAccount: 'Melde dich an, um zu sehen und zu ändern, wer dein Konto benutzen darf.',
    again: 'Gib dafür bitte noch einmal dein Passwort ein.',
    identifier: 'Handle',
    password: 'Passwort des Kontos',
    remember: '7 Tage lang angemeldet bleiben',
    button: 'Anmelden',
    wrong:
      'Das ist nicht der Handle dieses Kontos oder nicht sein Passwort. Ein App-Passwort gilt hier nicht.',
    tooMany: (seconds) =>
      `Zu viele Versuche. Bitte warte ${seconds} Sekunden und versuche es dann noch einmal.`,
    passwordOff: 'Die Anmeldung mit dem Passwort ist hier abgeschaltet. Benutze einen Passkey.',
    checkAddress: (host) => `Gib dein Passwort nur ein, wenn in der Adresszeile ${host} steht.`,
  },

  error: {
    title: 'Das hat nicht geklappt',
    notFound: 'Diese Seite gibt es hier nicht.',
    embedded:
      'Diese Seite lässt sich nur in einem eigenen Fenster öffnen, nicht innerhalb einer anderen Seite.',
    foreign: (origin) =>
      `Diese Anfrage kam nicht von einer Seite dieses Servers; deshalb ist nichts geschehen. Öffne ${origin}/account selbst und versuche es noch einmal.`,
    stale:
      'Diese Seite war veraltet, oder dein Browser hat ihre Cookies nicht mitgeschickt. Es ist nichts geschehen.',
    form: 'Das Formular kam unvollständig an. Es ist nichts geschehen.',
    method: 'So lässt sich diese Seite nicht abrufen.',
    bug: (id) =>
      `Mit diesem Server stimmt etwas nicht. Mehr steht in seinem Protokoll unter der Nummer ${id}.`,
    again: 'Die Seite noch einmal öffnen',
  },

  authorize: {
    app: 'App',
    claims: 'Sie nennt sich',
    account: 'Konto',
    goesTo: 'Danach geht es weiter zu',
    cancel: 'Zurück zur App',
    otherAccount: (asked, own) =>
      `Die App bittet um das Konto ${asked}. Dieser Server hat nur ein Konto: @${own}. Gib in der App dieses ein, oder melde dich auf dem Server des anderen an.`,
    incomplete:
      'Diese Adresse ist nicht vollständig. Sie muss von einer App kommen: Geh zurück zur App und beginne die Anmeldung noch einmal.',
    gone: 'Diese Anfrage ist hier nicht mehr bekannt: Sie wurde schon beantwortet, oder sie ist älter als fünf Minuten. Geh zurück zur App und beginne die Anmeldung noch einmal.',
    badClient:
      'Was die App auf ihrer eigenen Website über sich angibt, ist falsch oder nicht lesbar; deshalb kann sich niemand bei ihr anmelden. Das müssen die richten, die sie betreiben.',
    busy: 'Im Augenblick werden zu viele Apps nachgeschlagen. Versuche es in einer Minute noch einmal.',
    details: 'Einzelheiten',
    formPost: 'Zurück zur App',
    formPostText: 'Hier ist alles erledigt. Mit dem Knopf geht es in der App weiter.',
  },

  consent: {
    title: 'Diese App zulassen?',
    unknown:
      'Neu hier: Diese App hat bisher keinen Zugang zu deinem Konto. Geh nur weiter, wenn du dich gerade selbst dort anmelden wolltest und ihre Adresse kennst.',
    loopback:
      'Das ist ein Programm, das auf deinem eigenen Rechner läuft, wie es sagt. Jedes Programm dort kann das sagen: Geh nur weiter, wenn du es gerade selbst gestartet hast. Du wirst jedes Mal gefragt.',
    may: 'Worum sie bittet',
    exactly: 'Die genauen Namen',
    endsAfter: (days) =>
      `Ihr Zugang endet nach ${days} Tagen, oder sobald du ihn auf der Seite Apps beendest. Dein Passwort bekommt sie nicht.`,
    endsUnused: (days) =>
      `Ihr Zugang endet, wenn er ${days} Tage lang nicht benutzt wird, oder sobald du ihn auf der Seite Apps beendest. Dein Passwort bekommt sie nicht.`,
    allow: 'Zulassen',
    deny: 'Ablehnen',
  },

  apps: {
    title: 'Apps',
    grants: 'Apps mit Zugang',
    noGrants: 'Keine App hat sich über OAuth angemeldet.',
    sessions: 'Mit Passwort angemeldet',
    noSessions: 'Nichts ist mit einem Passwort angemeldet.',
    browsers: 'Browser auf dieser Seite',
    since: 'Seit',
    lastUsed: 'Zuletzt benutzt',
    expires: 'Bis',
    by: 'Angemeldet mit',
    byAppPassword: (name) => `App-Passwort „${name}“`,
    byPassword: 'Passwort des Kontos',
    byPasskey: 'Passkey',
    may: 'Sie darf',
    here: 'Dieser Browser',
    end: 'Beenden',
    endOf: (what) => `Den Zugang von ${what} beenden`,
    endAll: 'Alle diese beenden',
    endAllText: 'Jede App und jeder andere Browser muss sich neu anmelden.',
    unknownProgram: 'ein Programm, das seinen Namen nicht genannt hat',
    lastUsedNote:
      'Die letzte Benutzung wird vermerkt, wenn eine App ihren Zugang erneuert: alle paar Minuten bis Stunden.',
  },

  appPasswords: {
    title: 'App-Passwörter',
    intro:
      'Für Apps, die sich nicht über OAuth anmelden können. Jede App bekommt ihr eigenes, und jedes lässt sich einzeln widerrufen. Diese Seite öffnet keines.',
    none: 'Es gibt keine.',
    name: 'Name, etwa der der App',
    privileged: 'Darf auch Direktnachrichten lesen und schreiben',
    privilegedTag: 'mit Direktnachrichten',
    create: 'Erstellen',
    created: (name) => `Das App-Passwort „${name}“ lautet:`,
    once: 'Es wird nur dieses eine Mal gezeigt. Gib es jetzt in der App ein.',
    done: 'Ich habe es eingegeben',
    revoke: 'Widerrufen',
    revokeOf: (name) => `Das App-Passwort „${name}“ widerrufen`,
    createdAt: 'Erstellt',
    refused:
      'Dieser Name geht nicht: Er ist vergeben, leer oder zu lang, oder er hat Zeichen, die man nicht sieht.',
    notNow: 'App-Passwörter können angelegt werden, solange das Konto hier aktiv ist.',
  },

  overview: {
    next: 'Was als Nächstes zu tun ist',
    facts: 'Wie es um das Konto steht',
    state: 'Zustand',
    states: {
      absent: 'noch nicht angelegt',
      active: 'aktiv',
      deactivated: 'stillgelegt',
      moved: 'zu einem anderen Server umgezogen',
      deleted: 'gelöscht',
    },
    pds: 'Seine Identität nennt',
    here: 'diesen Server',
    unknown: 'war nicht zu erfahren',
    records: 'Einträge',
    blobs: 'Bilder und Videos',
    of: (stored, expected) => `${stored} von ${expected}`,
    fenced: 'Kein Schreiben vor',
    backup: 'Letzte Sicherung',
    noBackup: 'noch keine',
    failedSignIns: 'Fehlgeschlagene Anmeldungen seit der letzten guten',
    warnings: 'Sieh dir das an',
    journal: 'Was zuletzt geschah',
    times: (count) => `(${count}-mal)`,
    cli: 'Der Befehl `pds status` sagt dasselbe.',
  },

  leaving: {
    hold: 'Nicht mehr erneuern',
    goOn: 'Wieder erneuern',
    title: 'Umziehen',
    intro:
      'Du kannst mit deinem Konto jederzeit auf einen anderen Server umziehen, mit allem, was darin ist. Das macht der Befehl `pds move --to <server>`; diese Seite zeigt, was dieser Server davon sieht.',
    underWay: (seconds) => `Ein Umzug ist im Gange. Diese Seite erneuert sich alle ${seconds} Sekunden.`,
    steps: 'Die Schritte des Umzugs',
    step: {
      minted: 'Ein Umzugs-Token wurde ausgestellt',
      exported: 'Das Repository wurde damit gelesen',
      blobs: 'Bilder und Videos wurden damit gelesen',
      signed: 'Die Änderung der Identität wurde signiert',
      deactivated: 'Das Konto wurde hier stillgelegt',
      moved: 'Die Identität nennt den neuen Server',
      verified: 'Es wurde geprüft, dass alles angekommen ist',
    },
    done: 'erledigt',
    open: 'noch nicht',
    unseen: 'nicht gesehen, seit dieser Server zuletzt gestartet ist',
    tokens: 'Umzugs-Tokens',
    noTokens: 'Bisher wurde keines ausgestellt.',
    tokenFor: (target) => `für ${target}`,
    anywhere: 'für keinen bestimmten Server',
    validUntil: 'gültig bis',
    revoked: 'widerrufen',
    copied: 'Kopiert im Lauf der Zeit',
    copiedText: (records, ofRecords, blobs, ofBlobs) =>
      `${records} von ${ofRecords} Einträgen und ${blobs} von ${ofBlobs} Bildern und Videos wurden mit einem Umzugs-Token herausgegeben.`,
    nothingCopied: 'Im letzten Tag wurde nichts mit einem Umzugs-Token gelesen.',
    records: 'Einträge',
    blobs: 'Bilder und Videos',
    check: 'Kann das Konto sicher umziehen?',
    checkNow: 'Jetzt prüfen',
    checkText: 'So weit dieser Server es allein weiß. `pds preflight` fragt auch den neuen Server.',
    checkPart: (records) =>
      `Für diese Antwort wurden ${records} Einträge geprüft; \`pds preflight\` prüft alle.`,
    noRepository: 'Hier gibt es noch kein Repository.',
    levels: { pass: 'Gut', warn: 'Sieh dir das an', fail: 'Hält einen Umzug auf' },
    mend: 'Was zu tun ist:',
    arriving: 'Einzug',
    arrivingRecords: (records) => `${records} Einträge sind hier.`,
    arrivingNow: (records, megabytes) =>
      `Ein Repository kommt an: ${records} Einträge geprüft, ${megabytes} MB empfangen.`,
    arrivingBlobs: (stored, expected) => `${stored} von ${expected} Bildern und Videos sind hier.`,
  },

  nav: {
    label: 'Konto',
    overview: 'Übersicht',
    apps: 'Apps',
    appPasswords: 'App-Passwörter',
    passkeys: 'Passkeys',
    leaving: 'Umziehen',
    signOut: 'Abmelden',
  },
}
