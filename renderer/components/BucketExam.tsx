/** One bucket, looked at by its administrator: its settings, and how its objects are encrypted. Asked of the server, not assumed. */
import { useState, type ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, SegmentedControl, Select, TextInput } from '@mantine/core';
import type { FolderView, RequestInput } from '../../preload/contract.ts';
import { useStore } from '../store.ts';
import { BucketFindings } from './BucketFindings.tsx';
import { BucketPolicy } from './BucketPolicy.tsx';
import { BucketScan } from './BucketScan.tsx';
import { BucketTemplate } from './BucketTemplate.tsx';
import { Dialog } from './Dialog.tsx';

export type BucketPlaceInput = RequestInput<'buckets.examine'>;

const PARTS = ['settings', 'objects', 'policy', 'template'] as const;
type Part = (typeof PARTS)[number];
const SAYS = { settings: 'exam.says', objects: 'exam.scanSays', policy: 'policy.says', template: 'template.says' } as const;

const wishOf = ({ mode, modeDetails }: FolderView): BucketPlaceInput['wish'] => ({ mode, kmsKeyId: modeDetails.kmsKeyId, dsse: modeDetails.dsse ?? false });

export function BucketExam({ connectionId, onClose }: { connectionId: string; onClose: () => void }): ReactElement {
  const { t } = useTranslation();
  const folders = useStore((state) => state.folders).filter((folder) => folder.connectionId === connectionId);
  const [folderId, setFolderId] = useState(folders[0]?.id ?? '');
  const [bucket, setBucket] = useState(folders[0]?.bucket ?? '');
  const [part, setPart] = useState<Part>('settings');
  const folder = folders.find(({ id }) => id === folderId);
  const place: BucketPlaceInput = folder === undefined ? { connectionId, bucket, prefix: '', wish: null } : { connectionId, bucket: folder.bucket, prefix: folder.prefix, wish: wishOf(folder) };
  // Another place begins with nothing found.
  const token = JSON.stringify(place);
  return (
    <Dialog name={t('exam.title')} width={760} onClose={onClose}>
      <div className="dialog-body">
        <h1>{t('exam.title')}</h1>
        <div className="row end exam-place">
          {folders.length > 0 && <Select className="grow" classNames={{ input: 'field-input', label: 'field-label', dropdown: 'menu', option: 'menu-item' }} label={t('exam.for')} allowDeselect={false} value={folderId} onChange={(id) => setFolderId(id ?? '')} data={[...folders.map(({ id, name }) => ({ value: id, label: name })), { value: '', label: t('exam.anyBucket') }]} />}
          <TextInput className="grow mono-input" label={t('wizard.bucket')} value={place.bucket} disabled={folder !== undefined} onChange={(event) => setBucket(event.currentTarget.value)} spellCheck={false} data-autofocus />
        </div>
        <SegmentedControl withItemsBorders={false} classNames={{ root: 'seg', label: 'seg-label', indicator: 'seg-on' }} aria-label={t('exam.part')} value={part} onChange={(value) => setPart(value)} data={PARTS.map((value) => ({ value, label: t(`exam.parts.${value}`) }))} />
        <p className="mute sm">{t(SAYS[part])}</p>
        {part === 'settings' && <BucketFindings key={token} place={place} />}
        {part === 'objects' && <BucketScan key={token} place={place} />}
        {part === 'policy' && <BucketPolicy key={token} place={place} />}
        {part === 'template' && <BucketTemplate key={token} place={place} />}
      </div>
      <div className="foot"><span className="grow" /><Button onClick={onClose}>{t('common.close')}</Button></div>
    </Dialog>
  );
}
