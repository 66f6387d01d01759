/** Mantine in Enfold's own paper and ink. The hex values are the ramps of styles/tokens.css: Mantine computes with them, so var() does not do. */
import { Button, ActionIcon, Menu, PasswordInput, TextInput, Tooltip, createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const petrol: MantineColorsTuple = ['#edfafb', '#daf2f5', '#bae6ea', '#8ed4da', '#62c0c9', '#32a5af', '#068890', '#076c73', '#035459', '#00393e'];
const brick: MantineColorsTuple = ['#fef4f3', '#ffe6e3', '#fed0c9', '#ffada4', '#ff887c', '#e7645a', '#c6463e', '#a52e29', '#831f1c', '#5b1512'];
const plum: MantineColorsTuple = ['#fdf3fc', '#fae6f8', '#f2d0f0', '#e5b2e3', '#d696d4', '#bd77ba', '#9e5a9c', '#824481', '#663265', '#462145'];
const cobalt: MantineColorsTuple = ['#f3f7fe', '#e4edff', '#cbddfe', '#a7c6ff', '#86affa', '#6792e3', '#4c75c3', '#365ca4', '#274682', '#1a305a'];

const field = { classNames: { input: 'field-input', label: 'field-label', description: 'field-description', error: 'field-error' } };

export const theme = createTheme({
  primaryColor: 'petrol', primaryShade: { light: 7, dark: 4 }, autoContrast: true, black: '#0f2224', white: '#ffffff',
  colors: { petrol, brick, plum, cobalt }, cursorType: 'default', focusRing: 'auto', defaultRadius: 'md', respectReducedMotion: true,
  fontFamily: 'var(--font)', fontFamilyMonospace: 'var(--font-mono)', headings: { fontFamily: 'var(--font)', fontWeight: '680' },
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' }, lineHeights: { xs: '16px', sm: '18px', md: '20px', lg: '22px', xl: '26px' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' }, radius: { xs: '4px', sm: '4px', md: '6px', lg: '10px', xl: '14px' },
  components: {
    Button: Button.extend({ defaultProps: { variant: 'default' }, classNames: { root: 'btn', label: 'btn-label' } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'default' }, classNames: { root: 'btn-icon' } }),
    TextInput: TextInput.extend(field),
    PasswordInput: PasswordInput.extend({ classNames: { ...field.classNames, innerInput: 'field-inner' } }),
    Menu: Menu.extend({ defaultProps: { shadow: 'none', position: 'bottom-end' }, classNames: { dropdown: 'menu', item: 'menu-item', label: 'menu-label' } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 400, withArrow: false, classNames: { tooltip: 'tip' } } }),
  },
});

const variables = {
  '--mantine-color-body': 'var(--canvas)', '--mantine-color-text': 'var(--ink)', '--mantine-color-dimmed': 'var(--ink-2)', '--mantine-color-placeholder': 'var(--ink-3)',
  '--mantine-color-default': 'var(--control)', '--mantine-color-default-border': 'var(--line)', '--mantine-color-default-hover': 'var(--hover)', '--mantine-color-default-color': 'var(--ink)',
  '--mantine-color-anchor': 'var(--accent-ink)', '--mantine-color-error': 'var(--danger-ink)',
};
export const resolver: CSSVariablesResolver = () => ({ variables: {}, light: variables, dark: variables });
