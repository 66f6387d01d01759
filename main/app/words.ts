/** The words that the shell itself shows: menus, tray, notifications. The window's words are in renderer/strings. */
import type { FolderState5, FolderStatus } from '../../preload/contract.ts';

const en = {
  app: 'Enfold',
  file: 'File', edit: 'Edit', view: 'View', go: 'Go', window: 'Window', help: 'Help',
  addFolder: 'Add folder…', close: 'Close window', quit: 'Quit Enfold', open: 'Open Enfold', find: 'Find or do…', lock: 'Lock', settings: 'Settings…',
  home: 'Home', folders: 'Folders', browse: 'Browse', activity: 'Activity', keys: 'Keys', storage: 'Storage',
  noFolders: 'No folders yet', nothingToDo: 'Nothing to do', engineRestarting: 'The engine is being started again',
  stillRunning: 'Enfold keeps your folders in step', stillRunningBody: 'It is in the tray. Choose Quit there to stop it.',
  heldBody: 'Nothing was deleted. Enfold waits for your answer.', lockedBody: 'Unlock it to sync again.', unlockReason: 'unlock Enfold',
  pauseAll: 'Pause all folders', resumeAll: 'Resume all folders', left: { seconds: 'about {value}\u00a0s left', minutes: 'about {value}\u00a0min left', hours: 'about {value}\u00a0h left' },
  about: 'About Enfold', undo: 'Undo', redo: 'Redo', cut: 'Cut', copy: 'Copy', paste: 'Paste', selectAll: 'Select all', actualSize: 'Actual size', zoomIn: 'Zoom in', zoomOut: 'Zoom out', fullScreen: 'Full screen', devTools: 'Developer tools',
  services: 'Services', hide: 'Hide Enfold', hideOthers: 'Hide others', showAll: 'Show all', minimize: 'Minimize', zoom: 'Zoom', bringToFront: 'Bring all to front', exit: 'Exit',
  upToDate: 'Up to date', syncing: 'Syncing', paused: 'Paused', needsAttention: 'Needs attention', locked: 'Locked',
  needOne: 'One folder needs you', needMany: '{count} folders need you', vanished: '{count} files vanished from {name}', kitDue: 'Is the recovery kit of {name} still there?', kitDueBody: 'It was last checked more than a year ago. Check it now, while this computer still has the key.', cannotGoOn: '{name} cannot go on', isLocked: '{name} is locked',
};
type Words = typeof en;

const de: Words = {
  app: 'Enfold',
  file: 'Datei', edit: 'Bearbeiten', view: 'Ansicht', go: 'Gehe zu', window: 'Fenster', help: 'Hilfe',
  addFolder: 'Ordner hinzufügen…', close: 'Fenster schließen', quit: 'Enfold beenden', open: 'Enfold öffnen', find: 'Suchen oder tun…', lock: 'Sperren', settings: 'Einstellungen…',
  home: 'Übersicht', folders: 'Ordner', browse: 'Durchsehen', activity: 'Verlauf', keys: 'Schlüssel', storage: 'Speicher',
  noFolders: 'Noch keine Ordner', nothingToDo: 'Nichts zu tun', engineRestarting: 'Das Triebwerk wird neu gestartet',
  stillRunning: 'Enfold hält Ihre Ordner im Gleichstand', stillRunningBody: 'Es ist in der Leiste. Dort beendet es der Befehl Beenden.',
  heldBody: 'Nichts wurde gelöscht. Enfold wartet auf Ihre Antwort.', lockedBody: 'Entsperren Sie ihn, damit er wieder abgleicht.', unlockReason: 'Enfold entsperren',
  pauseAll: 'Alle Ordner anhalten', resumeAll: 'Alle Ordner fortsetzen', left: { seconds: 'noch etwa {value}\u00a0s', minutes: 'noch etwa {value}\u00a0min', hours: 'noch etwa {value}\u00a0h' },
  about: 'Über Enfold', undo: 'Widerrufen', redo: 'Wiederholen', cut: 'Ausschneiden', copy: 'Kopieren', paste: 'Einfügen', selectAll: 'Alles auswählen', actualSize: 'Originalgröße', zoomIn: 'Vergrößern', zoomOut: 'Verkleinern', fullScreen: 'Vollbild', devTools: 'Entwicklerwerkzeuge',
  services: 'Dienste', hide: 'Enfold ausblenden', hideOthers: 'Andere ausblenden', showAll: 'Alle einblenden', minimize: 'Im Dock ablegen', zoom: 'Zoomen', bringToFront: 'Alle nach vorne bringen', exit: 'Beenden',
  upToDate: 'Aktuell', syncing: 'Gleicht ab', paused: 'Angehalten', needsAttention: 'Braucht Sie', locked: 'Gesperrt',
  needOne: 'Ein Ordner braucht Sie', needMany: '{count} Ordner brauchen Sie', vanished: '{count} Dateien sind aus {name} verschwunden', kitDue: 'Ist der Rettungsbogen von {name} noch da?', kitDueBody: 'Er wurde vor mehr als einem Jahr zuletzt geprüft. Prüfen Sie ihn jetzt, solange dieser Computer den Schlüssel noch hat.', cannotGoOn: '{name} kommt nicht weiter', isLocked: '{name} ist gesperrt',
};

/** In the language that was set last. */
export const words: Words = { ...en };

/** @param locale - `de`, `de-AT`, `en-GB`, …; what is not known is English. */
export function setLanguage(locale: string): void {
  Object.assign(words, locale.toLowerCase().startsWith('de') ? de : en);
}

const fill = (text: string, values: Record<string, string | number>): string => text.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(values[name] ?? ''));

export function stateWords(status: FolderStatus): string {
  const { progress, state } = status;
  const states: Record<FolderState5, string> = { 'up-to-date': words.upToDate, syncing: words.syncing, paused: words.paused, 'needs-attention': words.needsAttention, locked: words.locked };
  if (state === 'syncing' && progress !== null && progress.totalBytes > 0) return `${words.syncing} ${Math.floor((100 * progress.doneBytes) / progress.totalBytes)}\u00a0%`;
  return states[state];
}

/** `38 MB/s` */
export function rateWords(bytesPerSecond: number): string {
  const [scaled, unit] = bytesPerSecond >= 1e6 ? [bytesPerSecond / 1e6, 'MB'] : [bytesPerSecond / 1e3, 'KB'];
  return `${Math.max(1, Math.round(scaled))}\u00a0${unit}/s`;
}
export function leftWords(seconds: number): string {
  const [value, says] = seconds < 60 ? [seconds, words.left.seconds] : seconds < 3600 ? [seconds / 60, words.left.minutes] : [seconds / 3600, words.left.hours];
  return fill(says, { value: Math.max(1, Math.round(value)) });
}

export const needWords = (count: number): string => (count === 1 ? words.needOne : fill(words.needMany, { count }));
export const heldTitle = (name: string, deletions: number): string => fill(words.vanished, { count: deletions, name });
export const problemTitle = (name: string): string => fill(words.cannotGoOn, { name });
export const kitDueTitle = (name: string): string => fill(words.kitDue, { name });
export const lockedTitle = (name: string): string => fill(words.isLocked, { name });
