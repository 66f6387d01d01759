import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { MantineProvider } from '@mantine/core';
import { App } from './App.tsx';
import { startTranslations } from './i18n.ts';
import { connect } from './store.ts';
import { startSampling } from './throughput.ts';
import { resolver, theme } from './theme.ts';
import './styles/tokens.css';
import '@mantine/core/styles.layer.css';
import './styles/app.css';
import './styles/views.css';
import './styles/flows.css';

/** This load's nonce: the only inline styles that the content security policy lets through are Mantine's own. */
const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;

startTranslations();
void connect();
startSampling();

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={resolver} defaultColorScheme="auto" withGlobalClasses={false} {...(styleNonce ? { getStyleNonce: () => styleNonce } : {})}>
        <App />
      </MantineProvider>
    </StrictMode>,
  );
}
