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
