/** The texts in German. */
export default {
  direction: "ltr",
  language: "Sprache",

  // Buttons.
  "action-on": "{action}: {object}",
  accept: "Annehmen",
  cancel: "Abbrechen",
  "cancel-all": "Alle abbrechen",
  "change-folder": "Ordner ändern",
  "change-nick": "Namen ändern",
  "choose-files": "Dateien wählen",
  "choose-folder": "Ordner",
  "choose-folder-into": "Ordner wählen…",
  clear: "Leeren",
  "clear-finished": "Fertige ausblenden",
  copied: "Kopiert",
  copy: "Kopieren",
  "copy-code": "Code kopieren",
  "copy-command": "Befehl kopieren",
  "copy-link": "Link kopieren",
  "create-code": "Code erzeugen",
  decline: "Ablehnen",
  discard: "Verwerfen",
  end: "Beenden",
  forget: "Vergessen",
  "forget-old": "Alten Schlüssel vergessen",
  get: "Holen",
  "go-online": "Online gehen",
  more: "Mehr",
  offer: "Anbieten…",
  "offer-files": "Dateien anbieten…",
  ok: "OK",
  pause: "Pause",
  "reload-list": "Liste neu laden",
  resume: "Fortsetzen",
  "share-files": "Dateien freigeben",
  "share-folder": "Ordner freigeben",
  stop: "Stopp",
  "try-again": "Noch einmal",

  // The first screen.
  "send-or-receive": "Dateien senden oder empfangen?",
  "what-this-is": "Von einem Gerät zum anderen: verschlüsselt, beliebig groß, ohne Konto.",
  send: "Senden",
  "send-how": "Wähle Dateien. Du bekommst einen Code und einen Link zum Weitergeben; mehr braucht die andere Seite nicht.",
  "or-drop": "Oder leg sie hier ab.",
  receive: "Empfangen",
  "code-or-link": "Code oder Link, den Du bekommen hast",
  "code-example": "4821-Wort-Wort-Wort",
  "enter-code": "Gib den Code oder den Link ein, den Du bekommen hast.",
  "code-needs-words": "Ein Code ist eine Zahl und drei Wörter. Gib auch die Wörter ein.",
  "link-without-code": "In diesem Link fehlt der Code. Bitte um den ganzen Link.",
  "link-elsewhere": "Dieser Link gehört zu einer anderen Seite. Öffne ihn dort: {link}",
  scan: "QR-Code scannen",
  "scan-title": "QR-Code scannen",
  "camera-starting": "Die Kamera startet…",
  "camera-hint": "Richte die Kamera auf den QR-Code am Bildschirm der anderen Seite.",
  "camera-denied":
    "Diese Seite darf die Kamera nicht benutzen. Erlaube es in den Einstellungen des Browsers, oder gib den Code ein.",
  "camera-failed": "Die Kamera geht hier nicht. Gib stattdessen den Code ein.",
  meet: "Mit einem Namen",
  "meet-how":
    "Mit einem Namen sehen Dich alle, die diese Seite offen haben, und Ihr könnt Euch ohne Code Dateien senden.",
  "connect-to": "Mit {nick} verbinden",
  "connect-how": "{nick} wird zuerst gefragt und sieht den Namen, den Du hier wählst.",
  connect: "Verbinden",
  "change-how": "Die anderen sehen den neuen Namen. Offene Sitzungen enden.",
  "your-nick": "Dein Name",
  "finish-first": "Warte, bis die Dateien da sind: Mit einem Namen online zu gehen würde sie unterbrechen.",

  // What is safe.
  "what-is-safe": "Was ist sicher und was nicht?",
  "safe-encrypted":
    "Sicher: Dateien werden auf Deinem Gerät verschlüsselt und erst auf dem anderen entschlüsselt. Dazwischen kann sie niemand lesen.",
  "safe-no-copy":
    "Sicher: Kein Server behält eine Kopie. Darum bleiben beide Seiten offen, bis die Dateien da sind.",
  "safe-code":
    "Sicher: Ein Code gilt einmal, für den, der ihn hat. Gib ihn nur der Person, die die Dateien haben soll.",
  "unsafe-nick":
    "Nicht sicher: Jeder kann jeden Namen nehmen. Vergleiche die Sicherheitswörter, bevor Du einem traust.",
  "unsafe-old": "Nicht sicher: Manche älteren Programme können nicht verschlüsseln. Dann steht da „Unverschlüsselt“.",
  "unsafe-page":
    "Nicht sicher: Wer diese Website betreibt, könnte die Seite verändern. Nimm eine, der Du traust, mit https in der Adresse.",
  unsafe:
    "Diese Seite wurde nicht über https geladen: Wer sie unterwegs verändert, kann die Verschlüsselung abschalten.",

  // The token of a bridge.
  "token-needed": "Diese Seite verlangt ein Token",
  "token-explained": "Wer sie benutzen darf, bekommt es vom Betreiber.",
  token: "Token",
  "enter-token": "Token eingeben",
  continue: "Weiter",
  "without-token": "Ohne Token",
  "wrong-token": "Das ist kein Token dieser Seite. Frag ihren Betreiber danach.",
  "bridge-says": "{detail}",

  // The connection.
  connecting: "Verbinde…",
  offline: "Offline",
  "offline-now": "Offline: {why}",
  "offline-retrying": "Offline, neuer Versuch in {left} s: {why}",
  "online-as": "Online als",
  "online-as-nick": "Online als {nick}",
  "page-failed": "Diese Seite hat einen Fehler. Lade sie neu.",

  // People.
  "online-people": "Online",
  alone: "Sonst ist niemand online. Gib Deinen Link weiter, damit man Dich erreicht.",
  "a-peer": "Jemand",
  "connected-to": "Verbunden: {addresses}",
  encrypted: "Verschlüsselt",
  unencrypted: "Unverschlüsselt",
  "wants-to-connect": "{nick} möchte sich verbinden",
  "call-from":
    "Von {address}. Verbunden kann man Deine freigegebenen Dateien ansehen und holen, oder Dir Dateien anbieten.",
  "nick-proves-nothing":
    "Ein Name allein beweist nicht, wer jemand ist. Wähle nach dem Verbinden den Namen in der Liste: Dort siehst Du, ob die Sitzung verschlüsselt ist, und kannst Sicherheitswörter vergleichen.",
  "call-failed": "{nick}: {error}",
  "call-refused-key":
    "Ein Anruf von {nick} wurde abgelehnt: Der Schlüssel ist ein anderer als bisher. Nichts wurde gesendet.",
  invite: "Einladen",
  "your-link": "Dein Link",
  "fetch-in-terminal": "So holt man Deine Dateien im Terminal",

  // Keys and encryption.
  "key-pinned": "der gleiche wie bisher.",
  "key-first": "zum ersten Mal gesehen und ab jetzt gemerkt.",
  "key-code": "durch den Code bestätigt.",
  "key-no": "nicht gemerkt, denn Du wurdest angerufen.",
  "plain-here":
    "Diese Seite kann nicht verschlüsseln: Wer das Netz mitlesen kann, kann Namen und Dateien von {nick} und Dir lesen.",
  "plain-there":
    "Das Programm von {nick} kann nicht verschlüsseln: Wer das Netz mitlesen kann, kann Namen und Dateien lesen.",
  "private-session": "Nur {nick} und Du könnt Namen und Dateien lesen. Der Schlüssel dort ist {key}, {known}",
  "safety-words": "Sicherheitswörter: {words}",
  "compare-words": "Vergleicht sie am Telefon: Seht Ihr die gleichen Wörter, hört niemand mit.",
  "stopped-key": "Angehalten: Der Schlüssel hat sich geändert",
  "stopped-key-why":
    "{nick} hat einen anderen Schlüssel als bisher. Vielleicht ist es ein neuer Browser oder ein neues Gerät, vielleicht hat jemand anders den Namen übernommen. Nichts wurde gesendet. Frag auf anderem Weg nach, bevor Du weitermachst.",
  "stopped-plain": "Angehalten: unverschlüsselt",
  "stopped-plain-why":
    "{nick} kann verschlüsseln, aber diese Verbindung wäre unverschlüsselt. Vielleicht hört jemand mit, oder jemand anders antwortet. Nichts wurde gesendet. Frag auf anderem Weg nach, bevor Du weitermachst.",
  "known-peers": "Bekannte",
  "known-peers-explained":
    "Die Schlüssel derer, die Du angerufen hast. Wer unter dem gleichen Namen einen anderen Schlüssel hat, wird abgewiesen.",
  "none-yet": "Noch keine.",
  "your-key": "Dein Schlüssel",
  "not-forgotten": "Der Schlüssel von {nick} konnte nicht vergessen werden: {detail}",

  // Sending.
  sending: "Senden",
  sum: "{sum}",
  "by-a-code": "Mit einem Code",
  "to-nick": "An {nick}",
  "in-a-terminal": "Im Terminal",
  "link-as-qr": "Der Link als QR-Code",
  "copied-text": "Kopiert: {text}",
  "one-moment": "Einen Moment…",
  "waiting-for-receiver": "Warte, bis jemand den Code benutzt. Lass diese Seite offen.",
  "code-used": "{nick} hat den Code benutzt und wählt Dateien aus.",
  "wrong-code-entered": {
    one: "Ein falscher Code wurde eingegeben; nach {number} verfällt der Code.",
    other: "Ein falscher Code wurde eingegeben; nach {number} verfällt der Code.",
  },
  "offline-because": "Offline: {error}",
  calling: "Rufe {nick}…",
  "waiting-to-accept": "Warte, ob {nick} annimmt…",
  delivered: { one: "{number} Datei zugestellt.", other: "{number} Dateien zugestellt." },
  arrived: { one: "{number} Datei ist angekommen.", other: "{number} Dateien sind angekommen." },
  "sent-unconfirmed": {
    one: "{number} Datei gesendet, ohne Bestätigung: Das Programm dort kennt keine.",
    other: "{number} Dateien gesendet, ohne Bestätigung: Das Programm dort kennt keine.",
  },
  "already-there": { one: "{number} Datei war schon da.", other: "{number} Dateien waren schon da." },
  declined: { one: "{number} Datei abgelehnt.", other: "{number} Dateien abgelehnt." },
  "did-not-arrive": {
    one: "Es fehlt {number} Datei, die nicht ankam.",
    other: "Es fehlen {number} Dateien, die nicht ankamen.",
  },
  "missing-files": "Es fehlt: {missing}",
  "and-more-missing": { one: "Und {number} weitere Datei.", other: "Und {number} weitere Dateien." },
  "code-stays-valid": "Der Code gilt weiter: Der gleiche Link oder Befehl setzt fort.",
  stopped: "Gestoppt.",

  // Receiving by a code.
  "receive-by-code": "Dateien empfangen",
  "the-sender": "die andere Seite",
  "calling-sender": "Rufe die andere Seite…",
  "choose-what": "Wähle, was Du haben möchtest.",
  "behind-code": "Du kannst {files} empfangen",
  receiving: "Empfange {files}",
  "keep-open": "Lass diese Seite offen, bis sie da sind.",
  received: "{files} empfangen ✓",
  "in-downloads": "In den Downloads Deines Browsers.",
  "in-folder": "In Deinem Ordner „{where}“.",
  "in-file": "Als „{where}“, wo Du es wolltest.",
  "received-some": "{some} von {files} empfangen",
  "received-some-how": "Die Gründe stehen unten. Der Code gilt, bis alles da ist.",
  "nothing-received": "Nichts empfangen",
  "code-unknown":
    "Mit diesem Code wartet niemand. Er gilt einmal, und nur solange die Seite zum Senden offen ist: Bitte um einen neuen. ({error})",
  "send-back": "Etwas zurücksenden",
  "receive-more": "Anderer Code",

  // Sharing.
  "share-with-all": "Für alle freigeben, die online sind",
  "sharing-explained":
    "Alle hier sehen diese Dateien und können sie von Deinem Gerät holen, solange diese Seite offen ist.",
  "ask-before": "Fragen, bevor sich jemand verbindet",
  "not-read": "{name} ist nicht lesbar: {detail}",
  "not-shared": {
    one: "{number} Datei nicht freigegeben: {detail}",
    other: "{number} Dateien nicht freigegeben. Die erste: {detail}",
  },

  // The files of a peer.
  back: "← Zurück",
  filter: "Nach Namen filtern",
  "about-size": "etwa {size}",
  "nothing-shared": "Nichts ist freigegeben",
  "did-you-mean": "Meinst Du {nick}?",
  "files-so-far": "Bisher {sum}…",
  "get-all": "Alle holen: {files}, {size}",
  "get-chosen": "Gewählte holen: {files}, {size}",
  "get-found": "Gefundene holen: {files}, {size}",

  // Offers.
  "offers-you": "{nick} bietet Dir {files} an",
  withdrawn: "{nick} hat die Verbindung beendet: Das Angebot gilt nicht mehr.",
  "all-files": "Alle {files}, {size}",
  "some-files": "{some} von {files}, {size}",
  "name-taken": "Name vergeben",
  "space-free": "Dieser Browser hat Platz für {free}.",
  "space-short": "Zu wenig Platz: Es fehlen {short}. Wähle weniger Dateien oder einen Ordner.",
  "files-to-offer": "Dateien zum Anbieten",

  // Transfers.
  transfers: "Übertragungen",
  "incomplete-downloads": "Unvollständige Downloads",
  "incomplete-explained": "Unvollständige Dateien bleiben 7 Tage und werden beim Fortsetzen geprüft.",
  "and-more": { one: "und {number} weitere Datei", other: "und {number} weitere Dateien" },
  taken: {
    one: "{number} Name ist dort vergeben: Diese Datei bekommt eine Nummer, wie in „Notizen (1).txt“.",
    other: "{number} Namen sind dort vergeben: Diese Dateien bekommen eine Nummer, wie in „Notizen (1).txt“.",
  },
  files: { one: "{number} Datei", other: "{number} Dateien" },

  // Errors, by their code. `{detail}` is the original message, in English.
  error: "{error}",
  "error-protocol": "Die andere Seite hat das Protokoll verletzt ({detail}).",
  "error-refused": "Abgelehnt ({detail}).",
  "error-nick-taken": "Dieser Name ist vergeben, vielleicht an einen anderen Tab von Dir ({detail}). Wähle einen anderen.",
  "error-incomplete": "Unvollständig ({detail}).",
  "error-altered": "Unterwegs verändert ({detail}).",
  "error-other-key": "Ein anderer Schlüssel als bisher ({detail}).",
  "error-not-private": "Nicht verschlüsselt ({detail}).",
  "error-wrong-code": "Der Code ist falsch oder abgelaufen ({detail}).",
  "error-timed-out": "Keine Antwort ({detail}).",
  "error-unreachable": "Keine Verbindung ({detail}).",
  "error-policy": "Nicht erlaubt ({detail}).",
  "error-local": "Hier ging etwas schief ({detail}).",
  "error-cancelled": "Abgebrochen.",
  "error-offline": "Diese Seite ist offline.",
  "error-too-many-files": "Die Liste hat mehr Dateien, als eine Seite halten kann. Hole sie im Terminal.",
  "error-other": "{detail}.",
};
