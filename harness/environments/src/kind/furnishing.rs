//! What a cluster is furnished with: operators where they keep the targets, the targets, the release, and ways in.

use super::chart;
use super::cluster::Cluster;
use super::configuration::SNAPSHOTS;
use super::objects::{self, Shared};
use super::operators::{Given, Resource, describe};
use super::place::Place;
use super::release::{Contents, Release};
use super::starting::{Ground, asked};
use crate::config::{OperatorsConfig, Side, Store};
use crate::containers::{Image, Product, java_options, node_settings};
use crate::door::Door;
use crate::error::Result;
use crate::postgres::kept_password;
use std::time::Instant;

impl Ground<'_> {
    /// Makes namespaces, targets and ways in, and installs the release.
    pub(super) async fn furnish(&self, cluster: &Cluster) -> Result<()> {
        let mut manifests: Vec<_> =
            self.namespaces.both().iter().map(|name| objects::namespace(name, &self.run)).collect();
        manifests.extend(
            asked(self.config, &self.namespaces)
                .into_iter()
                .map(|place| objects::way_in(place, self.shared())),
        );
        cluster.apply(&manifests).await?;
        if self.config.target.operators.is_some() {
            let began = Instant::now();
            self.manifests()?.install(cluster).await?;
            let seconds = began.elapsed().as_secs_f64();
            self.progress.note(&format!("the operators are ready after {seconds:.1} s"));
        }
        self.fill(cluster).await
    }

    /// Makes the targets, and installs the release, in namespaces that are there.
    pub(super) async fn fill(&self, cluster: &Cluster) -> Result<()> {
        let run = self.run.as_str();
        let mut manifests = Vec::new();
        let targets = asked(self.config, &self.namespaces).into_iter().filter(|p| p.side == Side::Target);
        let (operated, own): (Vec<Place>, Vec<Place>) = targets.partition(|place| place.operated);
        let resources: Vec<Resource> = operated.iter().map(|place| Resource::of(place.store)).collect();
        cluster.has_operators(&resources).await?;
        for place in operated {
            cluster.describe(&self.described(place)?).await?;
        }
        for place in own {
            manifests.extend(self.target(place)?);
        }
        let release = Release::of(self.work, &self.namespaces);
        if self.config.chart.is_some() {
            let superuser = kept_password(self.work, Side::Source)?;
            manifests.push(chart::database_secret(&self.config.run_id, run, &superuser, &self.namespaces));
            cluster.apply(&manifests).await?;
            return release.install(&self.programs).await;
        }
        cluster.apply(&manifests).await?;
        let source = &self.config.source;
        let of = |store| self.namespaces.place(Side::Source, store);
        let elasticsearch = self.image(of(Store::Elasticsearch))?;
        let contents = Contents {
            postgres: &self.image(of(Store::Postgres))?,
            password: &kept_password(self.work, Side::Source)?,
            java_options: java_options(source.elasticsearch_heap_mib, self.config.estimated_data_bytes),
            settings: self.settings(Side::Source, &elasticsearch, None)?,
            elasticsearch: &elasticsearch,
            run,
            namespaces: &self.namespaces,
            target: self.config.target.access,
            folder: self.folder,
        };
        release.write(&contents)?;
        release.install(&self.programs).await
    }

    fn shared(&self) -> Shared<'_> {
        Shared { run: &self.run, namespaces: &self.namespaces, folder: self.folder }
    }

    fn target(&self, place: Place) -> Result<Vec<serde_json::Value>> {
        let image = self.image(place)?;
        match place.store {
            Store::Postgres => {
                Ok(objects::postgres(place, &image, &kept_password(self.work, place.side)?, self.shared()))
            }
            Store::Elasticsearch => {
                let door = self.door(place.side)?;
                let mut settings = self.settings(place.side, &image, door.as_ref())?;
                let (product, heap) = (Product::of(&image), self.config.target.elasticsearch_heap_mib);
                let options = java_options(heap, self.config.estimated_data_bytes);
                let (node, programs) = product.java_variables();
                settings.push((node.to_owned(), options));
                settings.extend(programs.map(|name| (name.to_owned(), "-XX:TieredStopAtLevel=1".to_owned())));
                objects::elasticsearch(place, &image, &settings, product.data(), door.as_ref(), self.shared())
            }
        }
    }

    /// A store of the target, as its operator is told of it.
    fn described(&self, place: Place) -> Result<Vec<serde_json::Value>> {
        let (target, default) = (&self.config.target, OperatorsConfig::default());
        let door = Door::provide(self.work)?;
        let image = self.image_of(place)?;
        // The version of the image that is named, else of the stores that the run makes itself.
        let usual = self.image(place)?;
        let version = image.as_ref().unwrap_or(&usual).version().unwrap_or_default();
        let settings = match place.store {
            Store::Postgres => Vec::new(),
            Store::Elasticsearch => self.settings(place.side, &usual, Some(&door))?,
        };
        let given = Given {
            operators: target.operators.as_ref().unwrap_or(&default),
            image: image.as_ref(),
            version: &version,
            password: &kept_password(self.work, place.side)?,
            door: &door,
            settings,
            java_options: java_options(target.elasticsearch_heap_mib, self.config.estimated_data_bytes),
            shared: self.shared(),
        };
        describe(place, &given)
    }

    fn settings(&self, side: Side, image: &Image, door: Option<&Door>) -> Result<Vec<(String, String)>> {
        // The one address that the target may read from, as the cutover names it.
        let source = self.namespaces.place(Side::Source, Store::Elasticsearch);
        let peers = format!("{}:{}", source.host(&self.namespaces), source.port());
        let told =
            node_settings(Product::of(image), (side, self.config.side(side)), door, &peers, SNAPSHOTS)?;
        // A node does not start where a folder for snapshots is named that it cannot make.
        let told = told.into_iter().filter(|(name, _)| self.folder.is_some() || *name != "path.repo");
        Ok(told.map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
