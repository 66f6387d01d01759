import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Select } from '@mantine/core';
import { useStore } from '../store.ts';
import { ActivityList } from './ActivityList.tsx';

const ALL = 'all';

/** What happened, over all folders or in one. */
export function ActivityView(): ReactElement {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders);
  const [only, setOnly] = useState(ALL);
  const shown = folders.filter((folder) => only === ALL || folder.id === only);
  return (
    <div className="page scroll">
      <header className="page-head"><div className="grow"><h1>{t('rail.activity')}</h1></div>{folders.length > 1 && <Select aria-label={t('rail.folders')} classNames={{ input: 'field-input', dropdown: 'menu', option: 'menu-item' }} allowDeselect={false} value={only} onChange={(value) => setOnly(value ?? ALL)} data={[{ value: ALL, label: t('activity.allFolders') }, ...folders.map(({ id, name }) => ({ value: id, label: name }))]} />}</header>
      {folders.length === 0 ? <p className="mute quiet">{t('browse.noFolders')}</p> : <ActivityList key={only} folders={shown} />}
    </div>
  );
}
