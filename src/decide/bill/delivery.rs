//! What building and shipping images costs: registry and pipeline.
//! Never counts minutes that GitHub bills; those are named as unpriced.

use super::{Bill, Layer};

pub(super) fn write(bill: &mut Bill<'_>) {
    if bill.choice("compute") == "fargate" {
        match bill.choice("registry") {
            "ecr" => ecr(bill),
            "ecr_ghcr" => {
                ecr(bill);
                bill.unpriced("GitHub Container Registry: billed by GitHub");
            }
            other => bill.unknown("registry", other),
        }
    } else if bill.moves_inside() {
        bill.usage(Layer::Delivery, "ecr.storage", "ECR image of the mover", "");
    }
    match bill.choice("cicd") {
        "codepipeline" if bill.choice("compute") != "fargate" => {
            bill.notes.push("the pipeline rolls out tasks: none is made for one EC2 instance".to_owned());
        }
        "codepipeline" => {
            bill.usage(Layer::Delivery, "codepipeline.minute", "CodePipeline V2", "the first 100 minutes a month are free");
            bill.usage(Layer::Delivery, "codebuild.minute", "CodeBuild general1.small", "");
        }
        "github" => bill.unpriced("GitHub Actions minutes: billed by GitHub"),
        "none" | "" => {}
        other => bill.unknown("cicd", other),
    }
}

fn ecr(bill: &mut Bill<'_>) {
    bill.usage(Layer::Delivery, "ecr.storage", "ECR images", "");
}
