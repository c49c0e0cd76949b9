// One CloudFormation template as a CDK stack: the template stays what it is, its parameters become properties.
import * as path from 'node:path';
import { Annotations, Fn, LegacyStackSynthesizer, Stack, type StackProps, Token } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import type { Construct } from 'constructs';

export interface LayerProps<P> extends StackProps {
  readonly parameters: P;
  /** Conditions of the template that ask for another stack's output: AWS cannot evaluate those, so their outcome is given. */
  readonly outcomes?: Readonly<Record<string, boolean>>;
}

export abstract class Layer<P extends object> extends Stack {
  private readonly template: CfnInclude;

  protected constructor(scope: Construct, id: string, layer: string, lists: readonly string[], props: LayerProps<P>) {
    const { parameters, outcomes, ...rest } = props;
    // no bootstrap is needed: the templates go to CloudFormation as they are
    super(scope, id, { synthesizer: new LegacyStackSynthesizer(), ...rest, stackName: id });
    const given: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(parameters) as [string, string | undefined][]) {
      if (value === undefined) continue;
      given[name] = lists.includes(name) ? (Token.isUnresolved(value) ? Fn.split(',', value) : value.split(',')) : value;
      if (value.includes('000000000000')) {
        Annotations.of(this).addWarningV2(`migration:${name}`, `${name} is an example: fill config.json (see README.md)`);
      }
    }
    this.template = new CfnInclude(this, 'Template', {
      templateFile: path.join(__dirname, '..', 'templates', `${layer}.yaml`),
      parameters: given,
    });
    for (const [name, holds] of Object.entries(outcomes ?? {})) {
      this.template.getCondition(name).expression = Fn.conditionEquals(holds ? 'yes' : 'no', 'yes');
    }
  }

  /** An output of this stack, for another one's parameter. */
  output(name: string): string {
    const exportName = `${this.stackName}-${name}`;
    this.template.getOutput(name).exportName = exportName;
    return Fn.importValue(exportName);
  }
}
