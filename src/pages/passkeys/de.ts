import type { PasskeyTexts } from './en.ts'

/** What the pages say about passkeys, in German. */
export const de: PasskeyTexts = {
  signIn: 'Mit einem Passkey anmelden',
  or: 'oder',
  needsScript: 'Passkeys brauchen JavaScript, und das ist in diesem Browser abgeschaltet.',
  failed: 'Das hat nicht geklappt oder wurde abgebrochen. Versuche es noch einmal.',
  known: 'Dieses Gerät hat schon einen Passkey für dieses Konto.',
  problem: {
    unknown:
      'Dieser Passkey ist hier nicht registriert: Er wurde entfernt, oder er gehört zu einem anderen Server.',
    copied:
      'Dieser Passkey wurde abgelehnt, weil es eine Kopie von ihm zu geben scheint. Entferne ihn und registriere einen anderen.',
    stale: 'Das hat zu lange gedauert oder wurde zweimal geschickt. Versuche es noch einmal.',
    wrong: 'Dieser Passkey wurde abgelehnt. Versuche es noch einmal.',
  },

  register: {
    title: 'Einen Passkey registrieren',
    open: 'Öffne diese Seite mit dem Link, den `pds passkey add` ausgibt. Wenn du das getan hast, drücke den Knopf.',
    next: 'Weiter',
    intro: (host) =>
      `Wer das Gerät hat, das du gerade benutzt, und es entsperren kann, meldet sich von da an bei ${host} an. Der Passkey gilt nur unter diesem Namen.`,
    name: 'Name, etwa der des Geräts',
    create: 'Passkey anlegen',
    gone: 'Dieser Link wurde schon benutzt, wurde beendet oder ist älter als zehn Minuten. `pds passkey add` gibt einen neuen aus.',
    badName: 'Dieser Name geht nicht: Er ist leer oder zu lang, oder er hat Zeichen, die man nicht sieht.',
    full: 'Es gibt zu viele Passkeys. Entferne zuerst einen.',
    done: (name) => `Der Passkey „${name}“ ist registriert. Ab jetzt kannst du dich mit ihm anmelden.`,
    toAccount: 'Zum Konto',
  },

  list: {
    title: 'Passkeys',
    intro:
      'Mit einem Passkey meldest du dich auf dieser Seite mit Finger, Gesicht oder PIN an. Der Befehl `pds passkey add` gibt einen Link aus, mit dem du einen registrierst.',
    none: 'Es gibt keine.',
    createdAt: 'Registriert',
    lastUsedAt: 'zuletzt benutzt',
    neverUsed: 'nie benutzt',
    backup: {
      device: 'nur auf einem Gerät',
      eligible: 'bisher auf einem Gerät, kann auf andere übertragen werden',
      synced: 'auf andere Geräte übertragen',
    },
    rename: 'Umbenennen',
    renameOf: (name) => `Neuer Name des Passkeys „${name}“`,
    remove: 'Entfernen',
    removeOf: (name) => `Den Passkey „${name}“ entfernen`,
    last: 'Er ist der einzige: Ohne ihn ist das Passwort wieder eingeschaltet.',
    password: 'Passwort des Kontos',
    passwordOn:
      'Auch mit dem Passwort des Kontos kann man sich hier und in Apps anmelden. Ohne das öffnen nur Passkeys diese Seiten, und nur App-Passwörter und OAuth lassen Apps hinein.',
    passwordOff:
      'Das Passwort des Kontos öffnet weder diese Seiten noch Apps. Nur der Umzug hierher fragt noch danach. Wenn du alle Passkeys verlierst, schaltet `pds passkey password on` es wieder ein.',
    switchOn: 'Das Passwort einschalten',
    switchOff: 'Das Passwort abschalten',
    needsPasskey: 'Es lässt sich abschalten, sobald es einen Passkey gibt.',
  },
}
