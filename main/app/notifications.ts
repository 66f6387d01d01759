/** One notification per question, none for single files, none while the window is in front. */
import { Notification } from 'electron';
import type { FolderLine } from './tray.ts';
import { heldTitle, words } from './words.ts';

export function createNotifier(options: { isWindowInFront: () => boolean; openFolder: (folderId: string) => void }): (folders: readonly FolderLine[]) => void {
  const asked = new Set<string>();
  return (folders) => {
    for (const { id, name, status } of folders) {
      if (status.held === null) {
        asked.delete(id);
        continue;
      }
      if (asked.has(id)) continue;
      asked.add(id);
      if (options.isWindowInFront() || !Notification.isSupported()) continue;
      const notification = new Notification({ title: heldTitle(name, status.held.deletions), body: words.heldBody });
      notification.on('click', () => options.openFolder(id));
      notification.show();
    }
  };
}

/** Said once, the first time closing the window leaves the app in the tray. */
export function sayStillRunning(): void {
  if (Notification.isSupported()) new Notification({ title: words.stillRunning, body: words.stillRunningBody }).show();
}
