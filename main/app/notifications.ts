/** One notification per question, of the kinds that are switched on; none for single files, none while the window is in front. */
import { Notification } from 'electron';
import type { AppSettings } from '../../preload/contract.ts';
import type { FolderLine } from './tray-menu.ts';
import { heldTitle, kitDueTitle, lockedTitle, problemTitle, words } from './words.ts';

type Kind = keyof AppSettings['notifications'];

function kindOf({ status }: FolderLine): Kind | null {
  if (status.held !== null) return 'held';
  if (status.state === 'locked') return 'locked';
  return status.state === 'needs-attention' && status.problems.length > 0 ? 'problem' : null;
}

type Options = { isWindowInFront: () => boolean; isOn: (kind: Kind) => boolean; openFolder: (folderId: string) => void };

export function createNotifier(options: Options): (folders: readonly FolderLine[]) => void {
  const told = new Map<string, Kind>();
  return (folders) => {
    for (const folder of folders) {
      const { id, name, status } = folder;
      const kind = kindOf(folder);
      if (kind === null) told.delete(id);
      if (kind === null || told.get(id) === kind) continue;
      told.set(id, kind);
      if (!options.isOn(kind) || options.isWindowInFront() || !Notification.isSupported()) continue;
      const text = {
        held: { title: heldTitle(name, status.held?.deletions ?? 0), body: words.heldBody },
        problem: { title: problemTitle(name), body: status.problems[0]?.error.says ?? '' },
        locked: { title: lockedTitle(name), body: words.lockedBody },
      }[kind];
      const notification = new Notification(text);
      notification.on('click', () => options.openFolder(id));
      notification.show();
    }
  };
}

/** A recovery kit that was last tried more than a year ago. */
export function sayKitIsDue(keyName: string, show: () => void): void {
  if (!Notification.isSupported()) return;
  const notification = new Notification({ title: kitDueTitle(keyName), body: words.kitDueBody });
  notification.on('click', show);
  notification.show();
}

/** Said once, the first time closing the window leaves the app in the tray. */
export function sayStillRunning(): void {
  if (Notification.isSupported()) new Notification({ title: words.stillRunning, body: words.stillRunningBody }).show();
}
