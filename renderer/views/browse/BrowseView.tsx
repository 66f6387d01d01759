/** What is on S3, with the names and sizes that only this computer can read. */
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { ActionIcon, Button, Menu, TextInput, Tooltip, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconChevronUp, IconDotsVertical, IconDownload, IconEye, IconFilter, IconFolder, IconFolderPlus, IconHistory, IconPencil, IconRefresh, IconSearch, IconTrash, IconUpload } from '@tabler/icons-react';
import type { BrowseRow, FolderView } from '../../../preload/contract.ts';
import { ask, useAction } from '../../bridge.ts';
import { ErrorNote, ModeBadge } from '../../components/bits.tsx';
import { useDrop } from '../../components/drop.ts';
import { FoldArt, SealedGlyph } from '../../components/glyphs.tsx';
import { bytes, count, parentOf, visible } from '../../format.ts';
import { MODES, choiceOf } from '../../modes.ts';
import { go, openWizard, useStore } from '../../store.ts';
import { BrowseDetails } from './BrowseDetails.tsx';
import { deleteSoon, undoDeletion, useDeletions } from './deletions.ts';
import { useListing, type Order } from './listing.ts';
import { NameDialog } from './NameDialog.tsx';
import { PreviewDialog } from './PreviewDialog.tsx';
import { NOTHING_SELECTED, Rows, type Selection } from './Rows.tsx';

function Crumbs({ folder, directory, folders }: { folder: FolderView; directory: string; folders: readonly FolderView[] }): ReactElement {
  const { t } = useTranslation();
  const parts = directory.split('/').filter((part) => part !== '');
  const to = (depth: number): void => go({ view: 'browse', folderId: folder.id, directory: parts.slice(0, depth).map((part) => `${part}/`).join('') });
  return (
    <nav className="row crumbs" aria-label={t('browse.where')}>
      {folders.length > 1 && <UnstyledButton onClick={() => go({ view: 'browse', folderId: null, directory: '' })}>{t('rail.folders')}</UnstyledButton>}
      {folders.length > 1 && <IconChevronRight size={16} stroke={1.75} aria-hidden="true" />}
      {MODES[folder.mode].family === 'client' && <span className="crumb-seal"><SealedGlyph size={16} /></span>}
      {parts.length === 0 ? <h1 className="crumb-here"><bdi>{visible(folder.name)}</bdi></h1> : <UnstyledButton onClick={() => to(0)}><bdi>{visible(folder.name)}</bdi></UnstyledButton>}
      {parts.map((part, index) => (
        <span key={parts.slice(0, index + 1).join('/')} className="row">
          <IconChevronRight size={16} stroke={1.75} aria-hidden="true" />
          {index === parts.length - 1 ? <h1 className="crumb-here ell"><bdi>{visible(part)}</bdi></h1> : <UnstyledButton className="ell" onClick={() => to(index + 1)}><bdi>{visible(part)}</bdi></UnstyledButton>}
        </span>
      ))}
      <span className="grow" />
      <ModeBadge mode={choiceOf(folder)} />
    </nav>
  );
}

function Head({ order, setOrder }: { order: Order; setOrder: (order: Order) => void }): ReactElement {
  const { t } = useTranslation();
  const head = (by: Order['by'], className?: string): ReactElement => {
    const isOn = order.by === by;
    const Arrow = order.isDown ? IconChevronDown : IconChevronUp;
    return (
      <UnstyledButton className={className} aria-label={t('browse.sortBy', { column: t(`browse.columns.${by}`) })} aria-pressed={isOn} onClick={() => setOrder({ by, isDown: isOn && !order.isDown })}>
        {t(`browse.columns.${by}`)}{isOn && <Arrow size={14} stroke={1.9} aria-hidden="true" />}
      </UnstyledButton>
    );
  };
  return <div className="thead browse-grid">{head('name')}{head('sizeBytes', 'num')}{head('modifiedMs')}<span>{t('browse.columns.state')}</span></div>;
}


type BrowserProps = { folder: FolderView; directory: string; folders: readonly FolderView[]; order: Order; setOrder: (order: Order) => void };
type Asked = { type: 'rename'; row: BrowseRow } | { type: 'directory' } | { type: 'preview'; row: BrowseRow } | null;

function UndoToast(): ReactElement | null {
  const { t } = useTranslation();
  const waiting = useDeletions((state) => state.waiting);
  const last = waiting.at(-1);
  if (last === undefined) return null;
  return (
    <div className="toast" role="status">
      <IconTrash size={16} stroke={1.75} aria-hidden="true" />
      <span>{t('browse.deleting', { count: last.paths.size, value: count(last.paths.size) })}</span>
      <UnstyledButton className="link b" onClick={undoDeletion}>{t('browse.undo')}</UnstyledButton>
    </div>
  );
}

function FolderBrowser({ folder, directory, folders, order, setOrder }: BrowserProps): ReactElement {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [isDeep, setDeep] = useState(false);
  const [selection, setSelection] = useState<Selection>(NOTHING_SELECTED);
  const [notice, setNotice] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked>(null);
  const [menuAt, setMenuAt] = useState<{ x: number; y: number } | null>(null);
  const filter = useRef<HTMLInputElement>(null);
  const action = useAction();
  const deletions = useDeletions();
  const listing = useListing(folder.id, directory, isDeep, text, order, `${folder.status.changedMs} ${deletions.done}`);
  const { reload } = listing;
  const folderId = folder.id;

  const chosen = [...selection.rows.values()];
  const only = chosen.length === 1 ? (chosen[0] ?? null) : null;
  const ours = chosen.filter((row) => row.protection !== 'foreign');
  const going = new Set(deletions.waiting.filter((one) => one.folderId === folderId).flatMap((one) => [...one.paths]));
  const place = directory === '' ? folder.name : directory;

  const open = (row: BrowseRow): void => (row.kind === 'directory' ? go({ view: 'browse', folderId, directory: row.path }) : row.protection === 'foreign' ? undefined : setAsked({ type: 'preview', row }));
  const save = (rows: readonly BrowseRow[]): void => void action.run(async () => {
    const [row] = rows;
    if (row === undefined) return;
    if (rows.length === 1 && row.kind === 'file') {
      const to = await ask('host.chooseSaveFile', { title: t('browse.saveTitle', { name: row.name.slice(0, 100) }), suggestedName: row.name.slice(0, 255) });
      if (to === null) return;
      const saved = await ask('browse.download', { folderId, path: row.path, to, mayReplace: true });
      setNotice(t('browse.saved', { name: visible(row.name), bytes: bytes(saved.bytes) }));
      return;
    }
    const to = await ask('host.chooseFolder', { title: t('browse.saveAllTitle') });
    if (to === null) return;
    const between = to.includes('\\') ? '\\' : '/';
    let size = 0;
    for (const [index, one] of rows.entries()) {
      setNotice(t('browse.saving', { done: count(index), total: count(rows.length) }));
      size += (await ask('browse.download', { folderId, path: one.path, to: `${to}${between}${one.name}`, mayReplace: false })).bytes;
    }
    setNotice(t('browse.savedAll', { count: rows.length, items: count(rows.length), bytes: bytes(size) }));
  });
  const upload = (files: string[]): void => void action.run(async () => {
    setNotice(t('browse.uploading', { count: files.length }));
    try {
      const sent = await ask('browse.upload', { folderId, directory, files });
      setNotice(t('browse.uploaded', { count: sent.files, files: count(sent.files), bytes: bytes(sent.bytes) }));
    } catch (thrown) {
      setNotice(null);
      throw thrown;
    } finally {
      reload();
    }
  });
  const chooseUpload = async (): Promise<void> => {
    const file = await ask('host.chooseOpenFile', { title: t('browse.uploadTitle') }).catch(() => null);
    if (file !== null) upload([file]);
  };
  const remove = (): void => {
    if (ours.length === 0) return;
    deleteSoon(folderId, ours.map((row) => row.path));
    setSelection(NOTHING_SELECTED);
  };
  const dragOut = (rows: readonly BrowseRow[]): void => {
    const paths = rows.filter((row) => row.kind === 'file' && row.protection !== 'foreign').map((row) => row.path).slice(0, 100);
    if (paths.length > 0) void action.run(() => ask('host.dragOut', { folderId, paths }));
  };
  const rename = async (row: BrowseRow, name: string): Promise<void> => {
    const parent = parentOf(row.path);
    await ask('browse.rename', { folderId, path: row.path, to: `${parent === '' ? '' : `${parent}/`}${name}${row.kind === 'directory' ? '/' : ''}` });
    setSelection(NOTHING_SELECTED);
    reload();
  };
  const makeDirectory = async (name: string): Promise<void> => {
    await ask('browse.makeDirectory', { folderId, path: `${directory}${name}/` });
    reload();
  };
  const drop = useDrop(upload);
  const keys = (event: globalThis.KeyboardEvent): void => {
    if (document.querySelector('[role="dialog"], [role="menu"]') !== null) return;
    const isCommand = event.ctrlKey || event.metaKey;
    const isTyping = event.target instanceof HTMLInputElement;
    const key = event.key.toLowerCase();
    if (isCommand && key === 'f') filter.current?.focus();
    else if (isCommand && event.shiftKey && key === 'n') setAsked({ type: 'directory' });
    else if (isCommand && key === 's') save(ours);
    else if ((event.altKey || isCommand) && event.key === 'ArrowUp' && directory !== '') go({ view: 'browse', folderId, directory: directory.replace(/[^/]+\/$/, '') });
    else if (event.key === 'F5') reload();
    else if (event.key === 'Escape' && isDeep) { setDeep(false); setText(''); }
    else if (event.key === 'Escape' && chosen.length > 0) setSelection(NOTHING_SELECTED);
    else if (isTyping) return;
    else if (isCommand && key === 'z') undoDeletion();
    else if (event.key === 'Delete' || (isCommand && event.key === 'Backspace')) remove();
    else if (event.key === 'F2' && only !== null && ours.length === 1) setAsked({ type: 'rename', row: only });
    else if (event.key === ' ' && only !== null && only.kind === 'file' && ours.length === 1 && (event.target as Element).closest('button') === null) setAsked({ type: 'preview', row: only });
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    window.addEventListener('keydown', keys);
    return () => window.removeEventListener('keydown', keys);
  });

  const items = (
    <>
      <Menu.Item leftSection={<IconEye size={16} />} rightSection={<span className="kbd">{t('browse.previewKey')}</span>} disabled={only?.kind !== 'file' || ours.length !== 1} onClick={() => only !== null && setAsked({ type: 'preview', row: only })}>{t('browse.preview')}</Menu.Item>
      <Menu.Item leftSection={<IconDownload size={16} />} disabled={ours.length === 0} onClick={() => save(ours)}>{t('browse.saveTo')}</Menu.Item>
      <Menu.Item leftSection={<IconPencil size={16} />} rightSection={<span className="kbd">{'F2'}</span>} disabled={only === null || ours.length !== 1} onClick={() => only !== null && setAsked({ type: 'rename', row: only })}>{t('browse.rename')}</Menu.Item>
      <Menu.Item leftSection={<IconFolderPlus size={16} />} onClick={() => setAsked({ type: 'directory' })}>{t('browse.newFolder')}</Menu.Item>
      <Menu.Divider />
      <Menu.Item leftSection={<IconTrash size={16} />} rightSection={<span className="kbd">{t('browse.deleteKey')}</span>} disabled={ours.length === 0} onClick={remove}>{t('browse.delete')}</Menu.Item>
    </>
  );
  const error = listing.error ?? action.error ?? deletions.error;
  return (
    <div className={only === null ? 'browse' : 'browse has-details'}>
      <div className="browse-list" {...drop.handlers}>
        <div className="browse-head">
          <Crumbs folder={folder} directory={directory} folders={folders} />
          <div className="row">
            <TextInput
              className="grow" ref={filter} leftSection={isDeep ? <IconSearch size={16} stroke={1.75} /> : <IconFilter size={16} stroke={1.75} />} rightSection={<span className="kbd">{t('browse.filterKeys')}</span>} rightSectionWidth={58} rightSectionPointerEvents="none"
              placeholder={t('browse.filterIn', { place: visible(parentOf(directory) === '' && directory === '' ? folder.name : (directory.split('/').at(-2) ?? folder.name)) })} aria-label={t('browse.filter')} value={text}
              onChange={(event) => { setText(event.currentTarget.value); setSelection(NOTHING_SELECTED); if (event.currentTarget.value === '') setDeep(false); }}
              onKeyDown={(event) => { if (event.key === 'Enter' && text !== '') setDeep(true); }}
            />
            <Button leftSection={<IconUpload size={16} />} onClick={() => void chooseUpload()} loading={action.isRunning}>{t('browse.upload')}</Button>
            <Button leftSection={<IconDownload size={16} />} disabled={ours.length === 0} onClick={() => save(ours)}>{t('browse.saveTo')}</Button>
            <Tooltip label={t('browse.newFolder')}><ActionIcon size={32} onClick={() => setAsked({ type: 'directory' })} aria-label={t('browse.newFolder')}><IconFolderPlus size={16} stroke={1.75} /></ActionIcon></Tooltip>
            <Tooltip label={t('past.open')}><ActionIcon size={32} onClick={() => go({ view: 'browse', folderId, directory, isPast: true })} aria-label={t('past.open')}><IconHistory size={16} stroke={1.75} /></ActionIcon></Tooltip>
            <Tooltip label={t('browse.refresh')}><ActionIcon size={32} onClick={reload} aria-label={t('browse.refresh')}><IconRefresh size={16} stroke={1.75} /></ActionIcon></Tooltip>
            <Menu><Menu.Target><ActionIcon size={32} aria-label={t('browse.more')}><IconDotsVertical size={16} stroke={1.75} /></ActionIcon></Menu.Target><Menu.Dropdown>{items}</Menu.Dropdown></Menu>
          </div>
          {error !== null && <ErrorNote error={error} />}
        </div>
        <Head order={order} setOrder={setOrder} />
        <div className="rows-frame">
          <Rows listing={listing} selection={selection} isDeep={isDeep} directory={directory} going={going} onSelect={setSelection} onOpen={open} onMenu={(x, y) => setMenuAt({ x, y })} onDrag={dragOut} />
          {!listing.isLoading && listing.total === 0 && listing.error === null && (
            <p className="rows-empty mute">
              {text === '' ? t('browse.empty') : <>{t(isDeep ? 'browse.noneBelow' : 'browse.noneFits')} {!isDeep && <UnstyledButton className="link" onClick={() => setDeep(true)}>{t('browse.searchBelow')}</UnstyledButton>} <UnstyledButton className="link" onClick={() => { setText(''); setDeep(false); }}>{t('browse.clearFilter')}</UnstyledButton></>}
            </p>
          )}
          {listing.isLoading && <p className="rows-empty mute" role="status">{t('browse.listing')}</p>}
          {drop.isOver && <div className="drop-over"><FoldArt holds="place" width={140} /><span className="b">{t('browse.dropHere', { place })}</span><span className="sm mute">{t(MODES[choiceOf(folder)].family === 'client' ? 'browse.dropSealed' : 'browse.dropPlain')}</span></div>}
        </div>
        <footer className="row sm mute browse-foot">
          <span role="status">{chosen.length > 1 ? t('browse.selected', { count: chosen.length, items: count(chosen.length), total: count(listing.total), bytes: bytes(chosen.reduce((sum, row) => sum + (row.sizeBytes ?? 0), 0)) }) : (notice ?? t('browse.items', { count: listing.total, items: count(listing.total) }))}</span>
          <span className="grow" />
          {!listing.isComplete && !listing.isLoading && <span>{t('browse.soFar', { items: count(listing.ofTotal) })}</span>}
          {isDeep && <UnstyledButton className="link" onClick={() => { setDeep(false); setText(''); }}>{t('browse.endSearch')}</UnstyledButton>}
        </footer>
      </div>
      {only !== null && <BrowseDetails key={only.path} folder={folder} row={only} onSave={() => save([only])} onPreview={() => setAsked({ type: 'preview', row: only })} onClose={() => setSelection(NOTHING_SELECTED)} isSaving={action.isRunning} onOpen={() => open(only)} onRestored={() => { setNotice(t('browse.restored', { name: visible(only.name) })); setSelection(NOTHING_SELECTED); reload(); }} />}
      {menuAt !== null && (
        <Menu opened onClose={() => setMenuAt(null)} position="bottom-start">
          <Menu.Target><span className="menu-at" style={{ left: menuAt.x, top: menuAt.y }} /></Menu.Target>
          <Menu.Dropdown>{items}</Menu.Dropdown>
        </Menu>
      )}
      {asked?.type === 'preview' && <PreviewDialog folder={folder} row={asked.row} onClose={() => setAsked(null)} />}
      {asked?.type === 'rename' && <NameDialog title={t('browse.renameTitle', { name: visible(asked.row.name) })} says={t('browse.renameSays')} start={asked.row.name} button={t('browse.rename')} save={(name) => rename(asked.row, name)} onClose={() => setAsked(null)} />}
      {asked?.type === 'directory' && <NameDialog title={t('browse.newFolder')} says={t('browse.newFolderSays', { place })} start="" button={t('browse.make')} save={makeDirectory} onClose={() => setAsked(null)} />}
      <UndoToast />
    </div>
  );
}

export function BrowseView({ folderId, directory }: { folderId: string | null; directory: string }): ReactElement {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders);
  const folder = folders.find((one) => one.id === folderId) ?? (folders.length === 1 ? folders[0] : undefined);
  const [order, setOrder] = useState<Order>({ by: 'name', isDown: false });
  if (folder !== undefined) return <FolderBrowser key={`${folder.id}/${directory}`} folder={folder} directory={directory} folders={folders} order={order} setOrder={setOrder} />;
  return (
    <div className="page">
      <header className="page-head"><h1>{t('rail.browse')}</h1></header>
      {folders.length === 0 ? (
        <p className="mute quiet">{t('browse.noFolders')} <UnstyledButton className="link" onClick={() => openWizard()}>{t('folders.add')}</UnstyledButton></p>
      ) : (
        <ul className="panel pick">
          {folders.map((one) => (
            <li key={one.id}>
              <UnstyledButton onClick={() => go({ view: 'browse', folderId: one.id, directory: '' })}>
                <IconFolder size={18} stroke={1.6} aria-hidden="true" /><bdi className="b">{visible(one.name)}</bdi><span className="mono sm mute ell grow">{`s3://${one.bucket}/${one.prefix}`}</span><ModeBadge mode={choiceOf(one)} />
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
