/** The frame: rail on the left, one view on the right; the wizard takes the whole window. */
import { useEffect, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, UnstyledButton } from '@mantine/core';
import { useDocumentVisibility } from '@mantine/hooks';
import { ask } from './bridge.ts';
import { ErrorNote } from './components/bits.tsx';
import { CommandBox } from './components/CommandBox.tsx';
import { KeychainDialog } from './components/KeychainDialog.tsx';
import { ProgressVoice } from './components/ProgressVoice.tsx';
import { Rail } from './components/Rail.tsx';
import { focusWhenShown } from './focus.ts';
import { load, showFind, useStore } from './store.ts';
import { ChangeWizard } from './views/change/ChangeWizard.tsx';
import { ActivityView } from './views/ActivityView.tsx';
import { BrowseView } from './views/browse/BrowseView.tsx';
import { PastView } from './views/past/PastView.tsx';
import { FolderPage } from './views/FolderPage.tsx';
import { FoldersView } from './views/FoldersView.tsx';
import { HomeView } from './views/HomeView.tsx';
import { KeysView } from './views/KeysView.tsx';
import { LockedView } from './views/LockedView.tsx';
import { SettingsView } from './views/SettingsView.tsx';
import { StorageView } from './views/StorageView.tsx';
import { Wizard } from './views/Wizard.tsx';

function View(): ReactElement {
  const place = useStore((state) => state.place);
  switch (place.view) {
    case 'home':
      return <HomeView />;
    case 'folders':
      return <FoldersView />;
    case 'folder':
      return <FolderPage key={place.folderId} folderId={place.folderId} tab={place.tab} />;
    case 'browse':
      if (place.isPast === true && place.folderId !== null) return <PastView key={place.folderId} folderId={place.folderId} start={place.directory} />;
      return <BrowseView folderId={place.folderId} directory={place.directory} />;
    case 'keys':
      return <KeysView />;
    case 'activity':
      return <ActivityView />;
    case 'settings':
      return <SettingsView />;
    default:
      return <StorageView />;
  }
}

/** F6 and Shift+F6 move between the regions of the window, as desktop programs do. */
function useRegionKeys(): void {
  useEffect(() => {
    const move = (event: KeyboardEvent): void => {
      if (event.key !== 'F6') return;
      const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')];
      const current = regions.findIndex((region) => region.contains(document.activeElement));
      const next = regions[(current + (event.shiftKey ? -1 : 1) + regions.length) % regions.length];
      next?.focus();
      event.preventDefault();
    };
    window.addEventListener('keydown', move);
    return () => window.removeEventListener('keydown', move);
  }, []);
}

/** Tells which folder can be seen, so that it is looked at every few seconds; a hidden window shows none. */
function useShownFolder(): void {
  const folderId = useStore(({ place, wizard }) => (wizard === null && 'folderId' in place ? place.folderId : null));
  const isRunning = useStore(({ engine, info }) => engine.state === 'running' && info !== null);
  const page = useDocumentVisibility();
  const shown = page === 'visible' ? folderId : null;
  useEffect(() => {
    if (isRunning) void ask('folders.shown', { folderId: shown }).catch(() => undefined);
  }, [isRunning, shown]);
}

/** The menu's own accelerators, for when there is no menu. */
function useFindKey(): void {
  useEffect(() => {
    const find = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k') return;
      event.preventDefault();
      showFind(true);
    };
    window.addEventListener('keydown', find);
    return () => window.removeEventListener('keydown', find);
  }, []);
}

export function App(): ReactElement {
  const { t } = useTranslation();
  const { info, startError, wizard, changing, engine, place, lock, isFinding, folders } = useStore();
  useFindKey();
  useRegionKeys();
  const changed = folders.find(({ id }) => id === changing);
  useShownFolder();
  const viewKey = place.view + ('folderId' in place ? place.folderId : '') + ('opens' in place ? place.opens : '');

  if (info === null)
    return (
      <main className="starting" aria-label={t('app.name')}>
        {startError === null ? <p className="mute" role="status">{t('app.starting')}</p> : <ErrorNote error={startError}><Button onClick={() => void load()}>{t('common.tryAgain')}</Button></ErrorNote>}
      </main>
    );
  if (lock?.isLocked === true) return <><LockedView />{engine.state !== 'running' && <div className="engine-down" role="status">{t('app.engineDown')}</div>}</>;
  return (
    <>
      {wizard !== null ? (
        <Wizard key={wizard.localPath ?? ''} start={wizard} />
      ) : changed !== undefined ? (
        <ChangeWizard key={changed.id} folder={changed} />
      ) : (
        <div className="shell">
          <UnstyledButton className="skip" onClick={() => document.querySelector<HTMLElement>('main')?.focus()}>{t('app.skip')}</UnstyledButton>
          <Rail />
          <main key={viewKey} className="main" data-region tabIndex={-1} ref={focusWhenShown}>
            {engine.state !== 'running' && <div className="engine-down" role="status">{t('app.engineDown')}</div>}
            <View />
          </main>
        </div>
      )}
      <KeychainDialog />
      <ProgressVoice />
      {isFinding && wizard === null && changed === undefined && <CommandBox />}
    </>
  );
}
