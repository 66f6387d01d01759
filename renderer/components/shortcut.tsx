/** How a keyboard shortcut is written on this computer: `Ctrl K`, `Strg K`, `⌘K`. */
import { useTranslation } from 'react-i18next';
import { useStore } from '../store.ts';

export function useShortcut(): (key: string) => string {
  const { t } = useTranslation();
  const isMac = useStore((state) => state.info?.platform === 'darwin');
  return (key) => (isMac ? `⌘${key}` : `${t('common.ctrl')} ${key}`);
}
